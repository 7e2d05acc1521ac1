/* SPDX-License-Identifier: EUPL-1.2 */
/* Partners take turns, each with what is expected first of its own: one with a hundred
 * thousand documents delays no other by more than its share of them. What is urgent is
 * passed through more often, all partners that have it each time, so that one who calls
 * everything urgent has a few turns for each of another's, however many others there are.
 */
#include "queue/backend.h"

#include <stdio.h>
#include <string.h>

/* What stands in line, and when the next comes into it (INT64_MAX: none). */
struct look {
	int64_t due;
	bool any[URGENCIES];
};

static struct row *bind_look(struct engine *e, const struct line *l)
{
	return l->destination ? sql_bind(e, l->look, "t", l->destination)
			      : sql_bind(e, l->look, "");
}

static int look(struct engine *e, const struct line *l, struct look *ret)
{
	_cleanup_statement_ struct row *s = bind_look(e, l);
	int r = sql_step(e, s);

	*ret = (struct look){ .due = INT64_MAX };
	if (r <= 0)
		return r;
	if (sql_int(s, 0) > 0)
		ret->due = sql_int(s, 0);
	for (int i = 0; i < URGENCIES; i++)
		ret->any[i] = sql_int(s, 1 + i) != 0;
	return 0;
}

/* What was to wait until now comes into the line, before anything is taken from it. */
static int look_now(
	struct engine *e, const struct line *l, int64_t now, struct look *ret_look)
{
	int r = look(e, l, ret_look);

	if (r < 0 || ret_look->due > now)
		return r;
	r = l->destination ? sql_run(e, l->come, "it", now, l->destination)
			   : sql_run(e, l->come, "i", now);
	return r < 0 ? r : look(e, l, ret_look);
}

static struct row *bind_place(struct engine *e, const struct line *l,
	enum statement which, const char *partner, int urgency)
{
	return l->destination ? sql_bind(e, which, "tit", partner, (int64_t)urgency + 1,
					l->destination)
			      : sql_bind(e, which, "ti", partner, (int64_t)urgency + 1);
}

/* The next partner by name that has anything in line. Return: 1, 0 none, negative. */
static int partner_after(struct engine *e, const struct line *l, int urgency,
	char partner[PARTNER_NAME_SIZE])
{
	_cleanup_statement_ struct row *s =
		bind_place(e, l, l->partner, partner, urgency);
	int r = sql_step(e, s);

	if (r > 0)
		snprintf(partner, PARTNER_NAME_SIZE, "%s", sql_string(s, 0));
	return r;
}

/* What is first of the partner's and free. Return: as turn_take. */
static int take_of(struct engine *e, const struct line *l, int urgency,
	const char *partner, struct row **ret_row)
{
	_cleanup_statement_ struct row *s = bind_place(e, l, l->claim, partner, urgency);
	int r = sql_step(e, s);

	if (r > 0)
		*ret_row = TAKE(s);
	return r;
}

/* Whoever was served last and has more than one turn. */
static int take_again(
	struct engine *e, const struct line *l, int urgency, struct row **ret_row)
{
	struct turn *t = l->turn;

	if (t->left[urgency] == 0)
		return 0;
	t->left[urgency]--;
	return take_of(e, l, urgency, t->partner[urgency], ret_row);
}

static void served(
	const struct line *l, int urgency, const char *partner, struct row *taken)
{
	int64_t share = sql_int(taken, l->share);

	memcpy(l->turn->partner[urgency], partner, PARTNER_NAME_SIZE);
	l->turn->left[urgency] =
		share > 1 && share <= SHARE_MAX ? (uint32_t)share - 1 : 0;
}

/* The next one through this urgency begins with the first partner. */
static void pass_ends(struct turn *t, int urgency)
{
	t->partner[urgency][0] = '\0';
	t->left[urgency] = 0;
}

/* The next partner of the pass through an urgency that has one that is free. Return: as
 * turn_take; 0: the pass has come to its end. */
static int take_next(
	struct engine *e, const struct line *l, int urgency, struct row **ret_row)
{
	char partner[PARTNER_NAME_SIZE];
	int r = take_again(e, l, urgency, ret_row);

	memcpy(partner, l->turn->partner[urgency], sizeof(partner));
	while (r == 0) {
		r = partner_after(e, l, urgency, partner);
		if (r <= 0)
			break;
		r = take_of(e, l, urgency, partner, ret_row);
		if (r > 0)
			served(l, urgency, partner, *ret_row);
	}
	if (r == 0)
		pass_ends(l->turn, urgency);
	return r;
}

/* Of seven passes four are through A, two through B, one through C. */
static const uint8_t PASSES[] = { 0, 1, 0, 2, 0, 1, 0 };
#define PASS_COUNT (sizeof(PASSES) / sizeof(PASSES[0]))

int turn_take(struct engine *e, const struct line *l, int64_t now, struct row **ret_row,
	int64_t *ret_due)
{
	struct look there;
	int r = look_now(e, l, now, &there);

	if (r < 0)
		return r;
	if (there.due < *ret_due)
		*ret_due = there.due;
	/* The rest of the pass that is under way, and each of the seven from its start.
	 */
	for (size_t n = 0; r == 0 && n <= PASS_COUNT; n++) {
		int urgency = PASSES[l->turn->step % PASS_COUNT];

		if (there.any[urgency])
			r = take_next(e, l, urgency, ret_row);
		else
			pass_ends(l->turn, urgency);
		/* Another appliance may have taken all of it and yet not keep it. */
		if (there.any[urgency] && *ret_due > now + 1)
			*ret_due = now + 1;
		l->turn->step += r == 0;
	}
	return r;
}

/* More destinations than there is room for share the last turn. */
struct turn *turn_at(struct engine *e, const char *destination)
{
	size_t i = 0;

	while (i < TURNS_MAX - 1 && e->turns[i].destination[0] &&
		strcmp(e->turns[i].destination, destination) != 0)
		i++;
	snprintf(e->turns[i].destination, DESTINATION_NAME_SIZE, "%s", destination);
	return &e->turns[i].turn;
}
