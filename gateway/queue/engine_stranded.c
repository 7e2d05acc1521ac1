/* SPDX-License-Identifier: EUPL-1.2 */
/* Deliveries that wait for what does not come: versions before left some so, and two
 * appliances at one database might again. */
#include "queue/acts.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

/* Few of them are more than looked at: what waits as it should is left out at once. */
#define LOOK_AT_ONCE 128

/* What may wait: for its seal or for an original, and what an operator holds meanwhile.
 */
static const enum delivery_state STATES[] = { DELIVERY_WAITING, DELIVERY_HELD };

/* As it is now, locked. Return: 1 it waits for what is before it, 0, negative. */
static int waits(struct engine *e, struct delivery_row *d, struct document_row *ret_doc)
{
	int r;

	if (strchr(d->destination, DESTINATION_NOTICE))
		return 0;
	r = delivery_lock(e, d);
	if (r != QUEUE_DONE ||
		(d->state != DELIVERY_WAITING && d->held_from != DELIVERY_WAITING))
		return r < 0 ? r : 0;
	r = delivery_document(e, d, ret_doc);
	return r < 0 ? r
		     : ret_doc->document.state == DOCUMENT_SEALED ||
			       ret_doc->document.state == DOCUMENT_CLEARED ||
			       ret_doc->document.state == DOCUMENT_WITHDRAWN ||
			       ret_doc->document.state == DOCUMENT_REPLACED;
}

/* Return: 1 it waits no more, 0 nothing is to be done, negative. */
static int settle(struct engine *e, int64_t now, struct delivery_row *d)
{
	struct document_row doc;
	int r = waits(e, d, &doc);

	if (r <= 0)
		return r;
	r = relation_ended(e, &doc, d);
	if (r > 0)
		r = relation_pass_over(e, now, &doc, d);
	else if (r == 0)
		r = relation_lock(e, doc.key);
	if (r < 0 || d->state == DELIVERY_EXPIRED)
		return r < 0 ? r : 1;
	r = relation_waits(e, doc.key, d->destination);
	if (r != 0)
		return r < 0 ? r : 0;
	r = relation_let_go(e, now, d);
	return r < 0 ? r : r == 0;
}

/* Within bounds of its own: one that cannot be settled keeps no other from it. */
static int settle_alone(struct engine *e, int64_t now, struct delivery_row *d)
{
	int r = engine_mark(e), unmarked, settled;

	if (r < 0)
		return r;
	settled = settle(e, now, d);
	if (settled < 0 && engine_failure(e) != ENGINE_FINE)
		return settled;
	unmarked = engine_unmark(e, settled > 0);
	if (unmarked < 0 && unmarked != -EINVAL)
		return unmarked;
	return settled > 0 && unmarked == 0;
}

static int select_next(struct engine *e, const struct stranded_look *look,
	struct delivery_row ret_rows[LOOK_AT_ONCE])
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_STRANDED, "tii", delivery_state_text(STATES[look->which]),
			look->after, (int64_t)LOOK_AT_ONCE);
	int count = 0, r = 0;

	while (count < LOOK_AT_ONCE && (r = sql_step(e, s)) > 0)
		delivery_read(s, &ret_rows[count++]);
	return r < 0 ? r : count;
}

/* *look is behind these, or begins with the next state. Return: 1 it goes on, 0 it is
 * over, negative. */
static int go_on(struct engine *e, struct stranded_look *look)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_STRANDED_LAST, "tii",
		delivery_state_text(STATES[look->which]), look->after,
		(int64_t)LOOK_AT_ONCE);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	look->after = sql_int(s, 1);
	if (sql_int(s, 0) == LOOK_AT_ONCE)
		return 1;
	*look = (struct stranded_look){ .which = look->which + 1 };
	if (look->which < sizeof(STATES) / sizeof(STATES[0]))
		return 1;
	*look = (struct stranded_look){ 0 };
	return 0;
}

int engine_stranded(
	struct engine *e, int64_t now, struct stranded_look *look, int *ret_settled)
{
	struct delivery_row rows[LOOK_AT_ONCE];
	struct stranded_look next = *look;
	int count = select_next(e, look, rows), more = go_on(e, &next);

	for (int i = 0; more >= 0 && i < count; i++) {
		int r = settle_alone(e, now, &rows[i]);

		if (r < 0)
			return r;
		*ret_settled += r;
	}
	if (count < 0 || more < 0)
		return count < 0 ? count : more;
	*look = next;
	return more;
}
