/* SPDX-License-Identifier: EUPL-1.2 */
/* Partners take turns, each with what has waited longest of its own: one with a hundred
 * thousand documents delays no other by more than one of them. */
#include "queue/backend.h"

#include <stdio.h>
#include <string.h>

/* The next partner by name that has anything in the line, and when the first of it is
 * due. Return: 1, 0 none, negative. */
static int partner_after(struct engine *e, const struct line *l,
	char partner[PARTNER_NAME_SIZE], int64_t *ret_due)
{
	_cleanup_statement_ struct row *s =
		l->destination ? sql_bind(e, l->partner, "tt", partner, l->destination)
			       : sql_bind(e, l->partner, "t", partner);
	int r = sql_step(e, s);

	if (r > 0) {
		snprintf(partner, PARTNER_NAME_SIZE, "%s", sql_string(s, 0));
		*ret_due = sql_int(s, 1);
	}
	return r;
}

/* What the partner has that is due and free. Return: as turn_take. */
static int take_of(struct engine *e, const struct line *l, const char *partner,
	int64_t now, struct row **ret_row)
{
	_cleanup_statement_ struct row *s =
		l->destination
			? sql_bind(e, l->claim, "tit", partner, now, l->destination)
			: sql_bind(e, l->claim, "ti", partner, now);
	int r = sql_step(e, s);

	if (r > 0)
		*ret_row = TAKE(s);
	return r;
}

int turn_take(struct engine *e, const struct line *l, int64_t now, struct row **ret_row,
	int64_t *ret_due)
{
	char partner[PARTNER_NAME_SIZE];
	bool around = false;

	memcpy(partner, l->turn, sizeof(partner));
	for (;;) {
		int64_t due = INT64_MAX;
		int r = partner_after(e, l, partner, &due);

		if (r == 0 && !around) {
			around = true;
			partner[0] = '\0';
			continue;
		}
		if (r <= 0 || (around && strcmp(partner, l->turn) > 0))
			return r < 0 ? r : 0;
		if (due < *ret_due)
			*ret_due = due;
		r = due <= now ? take_of(e, l, partner, now, ret_row) : 0;
		if (r > 0)
			memcpy(l->turn, partner, sizeof(partner));
		if (r != 0)
			return r;
	}
}

/* More destinations than there is room for share the last turn. */
char *turn_at(struct engine *e, const char *destination)
{
	size_t i = 0;

	while (i < TURNS_MAX - 1 && e->turns[i].destination[0] &&
		strcmp(e->turns[i].destination, destination) != 0)
		i++;
	snprintf(e->turns[i].destination, DESTINATION_NAME_SIZE, "%s", destination);
	return e->turns[i].partner;
}
