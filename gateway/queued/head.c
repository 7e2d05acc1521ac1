/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head.h"

#include "common/durable.h"
#include "common/encode.h"
#include "queue/audit.h"
#include "queued/head_heal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int head_path(const char *folder, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/head", folder) < PATH_MAX ? 0
									  : -ENAMETOOLONG;
}

int head_write(const char *folder, const struct engine_head *head)
{
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE], text[128];
	int n, r = head_path(folder, path);

	if (r < 0)
		return r;
	if (head->position == 0)
		return durable_write(path, span_str(AUDIT_HEAD_NONE), 0644);
	hex_encode(head->chain, SHA256_SIZE, hex);
	n = snprintf(text, sizeof(text), "%lld:%s\n", (long long)head->position, hex);
	return durable_write(path, span_of(text, (size_t)n), 0644);
}

int head_holds(struct engine *e, const struct engine_head *head)
{
	uint8_t found[SHA256_SIZE];
	int r = engine_begin(e);

	if (r < 0)
		return r;
	r = engine_chain_at(e, head->position, found);
	engine_rollback(e);
	if (r < 0)
		return r;
	return r == QUEUE_DONE && memcmp(found, head->chain, SHA256_SIZE) == 0;
}

/* What was sealed last must be there too, unless state/queue/head is the very end of the
 * chain: whoever put an older copy there on purpose says so by that. */
static int sealed_holds(const char *folder, struct engine *e, int64_t position)
{
	struct sealed_head sealed;
	struct engine_head head;
	int r = head_newest_sealed(folder, &sealed);

	if (r <= 0)
		return r < 0 ? r : 1;
	head.position = sealed.position;
	memcpy(head.chain, sealed.chain, SHA256_SIZE);
	r = head_holds(e, &head);
	return r != 0 ? r : position == engine_head(e).position;
}

int head_check(const char *folder, struct engine *e)
{
	_cleanup_(freep) uint8_t *data = NULL;
	struct engine_head head;
	char path[PATH_MAX];
	size_t len;
	int r = head_path(folder, path);

	if (r == 0)
		r = file_read(path, 256, &data, &len);
	if (r == -ENOENT)
		return engine_head(e).position == 0;
	if (r < 0)
		return r;
	if (span_equal(span_of(data, len), span_str(AUDIT_HEAD_NONE)))
		return sealed_holds(folder, e, 0);
	r = audit_head_read(span_of(data, len), &head.position, head.chain);
	if (r == 0)
		r = head_holds(e, &head);
	return r <= 0 ? r : sealed_holds(folder, e, head.position);
}
