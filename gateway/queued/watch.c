/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/watch.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "queue/ledger_walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP_DOCUMENTS 64
#define STEP_MS 200
#define REST_MS 10000 /* between rounds */
#define DAY_S 86400

void watch_init(struct watch *w, int64_t now_ms)
{
	*w = (struct watch){ .next_ms = now_ms + REST_MS };
}

static bool holds(const json_t *list, const json_t *fault)
{
	size_t i;
	json_t *known;

	json_array_foreach(list, i, known) if (json_equal(known, fault)) return true;
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

/* More than are recorded one by one: how many, and where the others are named. */
static int alarm_many(struct batch *b, int64_t count)
{
	struct queue_audit_request q = { .event = "ledger.mismatches",
		.actor = "queued" };

	log_event(LOG_ALERT, "queued.ledger", NULL,
		"%lld rows are not as their audit records say; the first %d are in the "
		"chain, state/queue/" LEDGER_EVIDENCE " names %d of them at most",
		(long long)count, LEDGER_FOUND_MAX, LEDGER_EVIDENCE_MAX);
	snprintf(q.detail, sizeof(q.detail),
		"{\"count\":%lld,\"file\":\"state/queue/" LEDGER_EVIDENCE
		"\",\"most\":%d}",
		(long long)count, LEDGER_EVIDENCE_MAX);
	return engine_audit(b->engine, clock_now(), &q) == QUEUE_DONE ? 0 : -EIO;
}

/* A partner and destination, or NULL: more or fewer documents than were numbered. */
static int alarm_balance(struct batch *b, const json_t *row)
{
	struct queue_audit_request q = { .event = "ledger.unbalanced",
		.actor = "queued" };
	_cleanup_(freep) char *text =
		row ? json_canonical(row) : strdup("{\"documents\":\"not as numbered\"}");

	if (row)
		log_event(LOG_ALERT, "queued.ledger", NULL,
			"%s to %s: what was counted does not balance",
			json_string_of(row, "partner"),
			json_string_of(row, "destination"));
	else
		log_event(LOG_ALERT, "queued.ledger", NULL,
			"there are not as many documents as were numbered");
	if (!text)
		return -ENOMEM;
	snprintf(q.detail, sizeof(q.detail), "%s", text);
	return engine_audit(b->engine, clock_now(), &q) == QUEUE_DONE ? 0 : -EIO;
}

static int read_ledger(struct batch *b, json_t **ret)
{
	struct span text = { 0 };
	int fd = -1, r = engine_ledger(b->engine, &fd);

	if (r < 0)
		return r;
	r = memfd_map(fd, QUEUE_JSON_MAX, &text);
	if (r == 0)
		*ret = json_read(text, QUEUE_JSON_MAX);
	memfd_unmap(&text);
	close(fd);
	return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

/* Who it is of, without the counts, which go on. */
static json_t *name_of(const json_t *row)
{
	return row ? json_pack("{s:O,s:O}", "partner", json_object_get(row, "partner"),
			     "destination", json_object_get(row, "destination"))
		   : json_pack("{s:s}", "documents", "not as numbered");
}

/* Each is told once, until it balances again. row: as for alarm_balance(). */
static int add_unbalanced(
	struct watch *w, struct batch *b, const json_t *row, struct watch_told *next)
{
	json_t *name = name_of(row);
	bool told = holds(w->told.unbalanced, name);

	if (json_array_append_new(next->unbalanced, name) < 0)
		return -ENOMEM;
	return told ? 0 : alarm_balance(b, row);
}

/* The counters that triggers and program keep apart from each other. */
static int check_balance(struct watch *w, struct batch *b, struct watch_told *next)
{
	_cleanup_json_ json_t *ledger = NULL;
	int r = read_ledger(b, &ledger);
	size_t i;
	json_t *row;

	if (r < 0)
		return r;
	next->unbalanced = json_array();
	json_array_foreach(json_object_get(ledger, "destinations"), i, row)
	{
		if (r == 0 && !json_is_true(json_object_get(row, "balanced")))
			r = add_unbalanced(w, b, row, next);
	}
	if (r == 0 && !json_is_true(json_object_get(ledger, "numbered")))
		r = add_unbalanced(w, b, NULL, next);
	return r;
}

/* A round is whole: tell what is new in it. */
static int end_round(struct watch *w, struct batch *b, struct watch_told *next)
{
	const json_t *found = engine_ledger_found(b->engine);
	int r = 0;
	size_t i;
	json_t *mismatch;

	json_array_foreach(found, i, mismatch)
	{
		if (r == 0 && !holds(w->told.mismatches, mismatch))
			r = alarm_one(b, mismatch);
	}
	next->count = engine_ledger_count(b->engine);
	if (r == 0 && next->count > LEDGER_FOUND_MAX && next->count != w->told.count)
		r = alarm_many(b, next->count);
	next->mismatches = found ? json_deep_copy(found) : NULL;
	next->day = clock_now() / DAY_S;
	if (r == 0)
		r = check_balance(w, b, next);
	if (r == 0 && next->day != w->told.day)
		r = engine_ledger_note(b->engine, clock_now()) == QUEUE_DONE ? 0 : -EIO;
	return r;
}

static void told_done(struct watch_told *t)
{
	json_decref(t->mismatches);
	json_decref(t->unbalanced);
	*t = (struct watch_told){ 0 };
}

/* Only what was committed is told. */
static int step(struct watch *w, struct batch *b, bool *whole)
{
	struct watch_told next = { 0 };
	int r = engine_begin(b->engine);

	if (r == 0)
		r = engine_sample(b->engine);
	if (r == 0)
		r = engine_ledger_walk(b->engine, STEP_DOCUMENTS);
	*whole = r == 0;
	if (r == 0)
		r = end_round(w, b, &next);
	if (r >= 0)
		r = engine_commit(b->engine);
	if (r < 0) {
		engine_rollback(b->engine);
		told_done(&next);
		return r;
	}
	batch_recorded(b, clock_now());
	if (*whole) {
		told_done(&w->told);
		w->told = next;
	}
	return 0;
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
	told_done(&w->told);
}
