/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/watch.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>

#define STEP_DOCUMENTS 64
#define STEP_MS 200
#define REST_MS 10000 /* between rounds */
#define DAY_S 86400

void watch_init(struct watch *w, int64_t now_ms)
{
	*w = (struct watch){ .next_ms = now_ms + REST_MS };
}

static bool was_told(const struct watch *w, const json_t *mismatch)
{
	size_t i;
	json_t *known;

	json_array_foreach(
		w->told, i, known) if (json_equal(known, mismatch)) return true;
	return false;
}

static int alarm_one(struct batch *b, const json_t *mismatch)
{
	struct queue_audit_request q = { .event = "ledger.mismatch", .actor = "queued" };
	_cleanup_(freep) char *text = json_canonical(mismatch);
	const char *id = json_string_of(mismatch, "id"),
		   *destination = json_string_of(mismatch, "destination");

	log_event(LOG_ALERT, "queued.ledger", id,
		"%s%sis %s where its audit records say %s",
		destination ? destination : "", destination ? " " : "",
		json_string_of(mismatch, "found"), json_string_of(mismatch, "recorded"));
	if (!text)
		return -ENOMEM;
	snprintf(q.detail, sizeof(q.detail), "%s", text);
	return engine_audit(b->engine, clock_now(), &q) == QUEUE_DONE ? 0 : -EIO;
}

/* A round is whole: tell what is new in it. */
static int end_round(struct watch *w, struct batch *b)
{
	const json_t *found = engine_ledger_found(b->engine);
	int64_t day = clock_now() / DAY_S;
	int r = 0;
	size_t i;
	json_t *mismatch;

	json_array_foreach(found, i, mismatch)
	{
		if (r == 0 && !was_told(w, mismatch))
			r = alarm_one(b, mismatch);
	}
	json_decref(w->told);
	w->told = found ? json_deep_copy(found) : NULL;
	if (r == 0 && day != w->day)
		r = engine_ledger_note(b->engine, clock_now()) == QUEUE_DONE ? 0 : -EIO;
	if (r == 0)
		w->day = day;
	return r;
}

static int step(struct watch *w, struct batch *b, bool *whole)
{
	int r = engine_begin(b->engine);

	if (r == 0)
		r = engine_sample(b->engine);
	if (r == 0)
		r = engine_ledger_walk(b->engine, STEP_DOCUMENTS);
	*whole = r == 0;
	if (r == 0)
		r = end_round(w, b);
	if (r >= 0)
		r = engine_commit(b->engine);
	if (r < 0)
		engine_rollback(b->engine);
	else
		batch_recorded(b, clock_now());
	return r;
}

int watch_run(struct watch *w, struct batch *b, int64_t now_ms)
{
	bool whole = false;
	int r;

	if (now_ms < w->next_ms)
		return 0;
	w->next_ms = now_ms + REST_MS;
	if (!batch_may_record(b, clock_now()) || b->failing)
		return 0;
	r = step(w, b, &whole);
	if (r == 0 && !whole)
		w->next_ms = now_ms + STEP_MS;
	if (r == 0)
		return 0;
	log_event(LOG_ERR, "queued.database", NULL, "the ledger: %s",
		engine_failure_text(b->engine));
	return engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
}

void watch_done(struct watch *w)
{
	json_decref(w->told);
	w->told = NULL;
}
