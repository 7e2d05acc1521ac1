/* SPDX-License-Identifier: EUPL-1.2 */
/* What queued itself has to say in the audit chain, in commits of its own. */
#include "queued/batch.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>

bool batch_may_record(const struct batch *b, int64_t now)
{
	return b->engine && !b->clock.behind && now >= b->clock.last - CLOCK_BACK_MAX;
}

/* Something of the engine that goes with a record. */
typedef int (*act)(struct engine *e, int64_t now);

static int raise_cursors(struct engine *e, int64_t now)
{
	(void)now;
	return engine_outcomes_raise(e);
}

static int say(struct batch *b, const char *event, const char *detail, act also)
{
	struct queue_audit_request q = { .actor = "queued" };
	int64_t now = clock_now();
	int r;

	if (!batch_may_record(b, now))
		return 0;
	snprintf(q.event, sizeof(q.event), "%s", event);
	snprintf(q.detail, sizeof(q.detail), "%s", detail);
	r = engine_begin(b->engine);
	if (r == 0)
		r = engine_audit(b->engine, now, &q) == QUEUE_DONE ? 0 : -EIO;
	if (r == 0 && also)
		r = also(b->engine, now);
	if (r == 0)
		r = engine_commit(b->engine);
	if (r == 0) {
		batch_recorded(b, now);
		return 1;
	}
	engine_rollback(b->engine);
	log_event(LOG_ERR, "queued.database", NULL, "%s", engine_failure_text(b->engine));
	return engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
}

int batch_say(struct batch *b, const char *event, const char *detail)
{
	return say(b, event, detail, NULL);
}

int batch_say_older(struct batch *b, const char *event, const char *detail)
{
	return say(b, event, detail, raise_cursors);
}

/* by: who has it so, or NULL. */
static int note(struct batch *b, const char *event,
	const struct queue_command_request *by, act also)
{
	_cleanup_json_ json_t *detail = NULL;
	_cleanup_(freep) char *text = NULL;
	int r;

	if (!b->engine)
		return 0;
	detail = json_pack("{s:i,s:s}", "schema", engine_schema(b->engine), "version",
		SEALGATE_VERSION);
	if (detail && by)
		json_object_set_new(detail, "by", json_text(by->operator_name));
	if (detail && by && by->second[0])
		json_object_set_new(detail, "second", json_text(by->second));
	text = detail ? json_canonical(detail) : NULL;
	r = text ? say(b, event, text, also) : 0;
	return r < 0 ? r : 0;
}

int batch_note(struct batch *b, const char *event)
{
	return note(b, event, NULL, NULL);
}

/* What was leased or put off by the clock that was ahead goes on from now. */
int batch_note_accepted(struct batch *b)
{
	return note(b, "queued.clock-accepted", b->grant, engine_clock_back);
}
