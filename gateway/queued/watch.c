/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/watch.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"

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

/* The counters that triggers and program keep apart from each other: told once, until
 * they agree again. */
static int check_balance(struct watch *w, struct batch *b)
{
	_cleanup_json_ json_t *ledger = NULL;
	int r = read_ledger(b, &ledger);
	bool named = false;
	size_t i;
	json_t *row;

	if (r < 0)
		return r;
	if (json_is_true(json_object_get(ledger, "balanced"))) {
		w->unbalanced = false;
		return 0;
	}
	json_array_foreach(json_object_get(ledger, "destinations"), i, row)
	{
		if (w->unbalanced || r < 0 ||
			json_is_true(json_object_get(row, "balanced")))
			continue;
		named = true;
		r = alarm_balance(b, row);
	}
	if (r == 0 && !w->unbalanced && !named)
		r = alarm_balance(b, NULL);
	w->unbalanced = r == 0;
	return r;
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
	if (r == 0)
		r = check_balance(w, b);
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
