/* SPDX-License-Identifier: EUPL-1.2 */
/* Chains of appliances at one database hold each other's ends: who rewrites one has to
 * rewrite all, and what was sealed of them. */
#include "common/encode.h"
#include "common/json.h"
#include "queue/backend.h"

#include <string.h>

/* How far the other's chain is linked; a new one is not at all. NULL: too many. */
static struct chain_link *link_of(struct engine *e, const struct chain_link *other)
{
	struct chain_link *fresh = &e->links[e->link_count];

	for (size_t i = 0; i < e->link_count; i++)
		if (strcmp(e->links[i].appliance, other->appliance) == 0)
			return &e->links[i];
	if (e->link_count == LINKS_MAX)
		return NULL;
	*fresh = *other;
	fresh->position = 0;
	e->link_count++;
	return fresh;
}

static void read_head(struct row *s, struct chain_link *l)
{
	struct span head = sql_octets(s, 4);

	l->head_position = head.len == SHA256_SIZE ? sql_int(s, 3) : 0;
	if (l->head_position > 0)
		memcpy(l->head_sha256, head.data, SHA256_SIZE);
}

/* The ends of the other chains. Return: how many, or negative. */
static int read_others(struct engine *e, struct chain_link ret[LINKS_MAX])
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_AUDIT_OTHERS, "");
	int count = 0, r = 0;

	while (count < LINKS_MAX && (r = sql_step(e, s)) > 0) {
		struct chain_link *l = &ret[count];
		struct span chain = sql_octets(s, 2);

		sql_text(s, 0, l->appliance, sizeof(l->appliance));
		l->position = sql_int(s, 1);
		if (chain.len != SHA256_SIZE)
			continue;
		memcpy(l->chain, chain.data, SHA256_SIZE);
		read_head(s, l);
		count++;
	}
	return r < 0 ? r : count;
}

static int add_link(struct engine *e, int64_t now, const struct chain_link *l)
{
	struct chain_link *known = link_of(e, l);
	char chain[SHA256_TEXT_SIZE], head[SHA256_TEXT_SIZE];
	json_t *sealed = NULL;
	int r;

	if (!known || known->position >= l->position)
		return 0;
	hex_encode(l->chain, SHA256_SIZE, chain);
	hex_encode(l->head_sha256, SHA256_SIZE, head);
	if (l->head_position > 0)
		sealed = json_pack("{s:I,s:s}", "position", (json_int_t)l->head_position,
			"sha256", head);
	r = audit_event(e, now, "queued", "audit.link", NULL,
		json_pack("{s:o,s:s,s:o*,s:I}", "appliance", json_text(l->appliance),
			"chain", chain, "head", sealed, "position",
			(json_int_t)l->position));
	if (r == 0)
		*known = *l;
	return r;
}

int engine_link(struct engine *e, int64_t now)
{
	struct chain_link others[LINKS_MAX];
	int count = read_others(e, others), r = count < 0 ? count : 0;

	for (int i = 0; r == 0 && i < count; i++)
		r = add_link(e, now, &others[i]);
	return r < 0 ? r : QUEUE_DONE;
}

int engine_sealed_head(
	struct engine *e, int64_t position, const uint8_t sha256[SHA256_SIZE])
{
	return sql_run(e, SQL_AUDIT_SEALED, "ib", position, span_of(sha256, SHA256_SIZE));
}

void engine_link_forget(struct engine *e)
{
	e->link_count = 0;
}
