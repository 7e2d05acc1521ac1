/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/clock.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int clock_watch_init(struct clock_watch *w, struct engine *e)
{
	int r = engine_begin(e);

	*w = (struct clock_watch){ 0 };
	if (r < 0)
		return r;
	r = engine_last_time(e, &w->last);
	engine_rollback(e);
	return r;
}

/* The file names this very record, so an old one accepts nothing. */
static bool accepted(const struct clock_watch *w, const char *folder)
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX], last[CLOCK_TEXT_SIZE];
	size_t len = 0;

	if (snprintf(path, sizeof(path), "%s/" QUEUE_ACCEPT_CLOCK, folder) >= PATH_MAX ||
		file_read(path, 64, &data, &len) < 0)
		return false;
	while (len && data[len - 1] == '\n')
		len--;
	clock_format(w->last, last);
	return span_equal(span_of(data, len), span_str(last)) && unlink(path) == 0;
}

static void tell_behind(struct clock_watch *w, int64_t now)
{
	char a[CLOCK_TEXT_SIZE], b[CLOCK_TEXT_SIZE];

	if (w->behind)
		return;
	w->behind = true;
	clock_format(now, a);
	clock_format(w->last, b);
	log_event(LOG_ALERT, "queued.clock", NULL,
		"the clock says %s, the last record %s: nothing is recorded before that; "
		"set the clock right or, when it is right and the record is wrong, "
		"sealgate queue accept-clock %s",
		a, b, b);
}

enum clock_answer clock_watch_check(
	struct clock_watch *w, const char *folder, int64_t now)
{
	bool back = now < w->last - CLOCK_BACK_MAX;
	bool accept = back && (w->granted || accepted(w, folder));

	w->granted = false;
	if (back && !accept) {
		tell_behind(w, now);
		return CLOCK_BEHIND;
	}
	if (w->behind)
		log_event(LOG_NOTICE, "queued.clock", NULL, "%s",
			accept ? "an operator says that the last record's time was wrong"
			       : "the clock has passed the last record");
	w->behind = false;
	if (accept) {
		w->accepted = w->last;
		w->last = now;
	}
	return accept ? CLOCK_ACCEPTED : CLOCK_GOES_ON;
}

bool clock_watch_grant(struct clock_watch *w, const char *last)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(w->last, text);
	w->granted = w->behind && strcmp(text, last) == 0;
	return w->granted;
}

bool clock_watch_denies(const struct clock_watch *w, const char *last)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(w->behind ? w->last : w->accepted, text);
	return (!w->behind && !w->accepted) || strcmp(text, last) != 0;
}

void clock_watch_recorded(struct clock_watch *w, int64_t now)
{
	if (now > w->last)
		w->last = now;
}
