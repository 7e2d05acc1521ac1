/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/event_journals.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/events.h"
#include "common/json.h"
#include "common/log.h"
#include "queued/noted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_MS 1000
#define FOLDER "../events"
#define NOTED "events-noted"
#define CHUNK 65536 /* octets of a journal at a time */
#define LINES 100   /* of a journal at a time: none fills the chain alone */

/* Who may be filled with what others send it, or taken over, fills the chain no faster
 * than this; what became of the keys is never left out, it waits. */
#define ALLOWED 100
#define ALLOWED_EACH_MS 10000
#define ALLOWED_KEYS 1000
#define ALLOWED_KEYS_EACH_MS 1000

static const char *const PROGRAMS[EVENT_JOURNALS] = { "signer", "verify", "seal",
	"forward", "trustd", "intake", "handshake", "operate", "admin", "nginx",
	"retention", "ship", "backup", "replay" };
#define SIGNER 0

/* What a program may say; NULL: each. */
static const struct {
	const char *event;
	const char *program;
} EVENTS[] = {
	{ "program.start", NULL },
	{ "program.stop", NULL },
	{ "program.run", "ship" },
	{ "key.activate", "signer" },
	{ "key.deactivate", "signer" },
	{ "key.token", "signer" },
	{ "key.work", "signer" },
	{ "machine.quote", "operate" },
};

void event_journals_init(struct event_journals *j, int64_t now_ms)
{
	*j = (struct event_journals){ .next_ms = now_ms };
	for (size_t i = 0; i < EVENT_JOURNALS; i++) {
		j->each[i].room = i == SIGNER ? ALLOWED_KEYS : ALLOWED;
		j->each[i].room_ms = now_ms;
	}
}

static int path_of(const struct batch *b, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", b->folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* PROGRAM=OCTETS of each. Nothing yet of one that it does not name. */
static int read_noted(struct event_journals *j, const struct batch *b)
{
	char text[NOTED_SIZE], *at = text, *word;
	int r = noted_read(b, NOTED, text);

	if (r < 0)
		return r;
	while (r > 0 && (word = strsep(&at, " ")) != NULL)
		for (size_t i = 0; i < EVENT_JOURNALS; i++) {
			size_t n = strlen(PROGRAMS[i]);

			if (strncmp(word, PROGRAMS[i], n) == 0 && word[n] == '=') {
				char *end;

				j->each[i].noted = strtoll(word + n + 1, &end, 10);
				j->each[i].inode =
					*end == ':' ? strtoull(end + 1, NULL, 10) : 0;
			}
		}
	j->read = true;
	return 0;
}

/* For the programs, whose full journals begin anew. Where it cannot be written they stay
 * full: their programs say so. */
static void publish(const struct batch *b, const char *text)
{
	char path[PATH_MAX], line[NOTED_SIZE + 2];

	(void)snprintf(line, sizeof(line), "%s \n", text); /* each ends in a space */
	if (path_of(b, FOLDER "/queued/taken", path) == 0)
		(void)durable_write(path, span_str(line), 0644);
}

static int write_noted(const struct event_journals *j, const struct batch *b)
{
	char text[NOTED_SIZE];
	size_t used = 0;
	int r;

	for (size_t i = 0; i < EVENT_JOURNALS; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"%s%s=%lld:%llu", i ? " " : "", PROGRAMS[i],
			(long long)j->each[i].noted,
			(unsigned long long)j->each[i].inode);
	r = noted_write(b, NOTED, text);
	if (r == 0)
		publish(b, text);
	return r;
}

static bool may_say(const char *program, const char *event)
{
	for (size_t i = 0; event && i < sizeof(EVENTS) / sizeof(EVENTS[0]); i++)
		if (strcmp(EVENTS[i].event, event) == 0)
			return !EVENTS[i].program ||
			       strcmp(EVENTS[i].program, program) == 0;
	return false;
}

/* What is told but the event, which is the record's, and the line's digest. Return: 0 or
 * negative. */
static int fill_detail(struct queue_audit_request *q, json_t *entry, struct span line)
{
	_cleanup_(freep) char *text = NULL;
	char sha256[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(line, sha256);

	if (r < 0)
		return r;
	json_object_del(entry, "event");
	json_object_set_new(entry, "journal_sha256", json_string(sha256));
	text = json_canonical(entry);
	if (!text)
		return -ENOMEM;
	if (snprintf(q->detail, sizeof(q->detail), "%s", text) >= (int)sizeof(q->detail))
		snprintf(q->detail, sizeof(q->detail), "{\"journal_sha256\":\"%s\"}",
			sha256);
	return 0;
}

/* Return: 0 or negative. */
static int record_line(struct batch *b, const char *program, struct span line)
{
	struct queue_audit_request q = { .event = "journal.unreadable" };
	_cleanup_json_ json_t *entry = json_read(line, EVENTS_LINE_MAX);
	const char *event = json_string_of(entry, "event");
	int r;

	snprintf(q.actor, sizeof(q.actor), "%s", program);
	if (may_say(program, event)) {
		snprintf(q.event, sizeof(q.event), "%s", event);
	} else {
		json_decref(entry);
		entry = json_object();
	}
	r = fill_detail(&q, entry, line);
	if (r < 0)
		return r;
	return engine_audit(b->engine, clock_now(), &q) == QUEUE_DONE ? 0 : -EIO;
}

static void make_room(struct event_journal *e, size_t i, int64_t now_ms)
{
	int most = i == SIGNER ? ALLOWED_KEYS : ALLOWED;
	int64_t each = i == SIGNER ? ALLOWED_KEYS_EACH_MS : ALLOWED_EACH_MS;
	int64_t more = (now_ms - e->room_ms) / each;

	if (more <= 0)
		return;
	e->room_ms += more * each;
	e->room = more < most - e->room ? e->room + (int)more : most;
}

/* Return: 0 or negative. */
static int record_passed(struct batch *b, struct event_journal *e, const char *program)
{
	struct queue_audit_request q = { .event = "journal.suppressed" };

	snprintf(q.actor, sizeof(q.actor), "%s", program);
	snprintf(q.detail, sizeof(q.detail), "{\"lines\":%lld}", (long long)e->lines);
	if (engine_audit(b->engine, clock_now(), &q) != QUEUE_DONE)
		return -EIO;
	e->noted += e->passed;
	e->passed = e->lines = 0;
	e->room--;
	return 0;
}

/* Its whole lines; octets without an end are one that is none. Return: 0 or negative. */
static int record_lines(
	struct batch *b, struct event_journal *e, size_t i, struct span data)
{
	const uint8_t *at = data.data, *last = data.data + data.len, *end;
	int r = 0, count = 0;

	while (r == 0 && at < last && count++ < LINES && (i != SIGNER || e->room > 0)) {
		struct span line;

		end = memchr(at, '\n', (size_t)(last - at));
		if (!end && (at != data.data || data.len < CHUNK))
			break;
		line = span_of(at, (size_t)((end ? end : last) - at));
		at = end ? end + 1 : last;
		if (e->room > 0) {
			r = record_line(b, PROGRAMS[i], line);
			e->noted += (int64_t)line.len + (end ? 1 : 0);
			e->room--;
		} else {
			e->passed += (int64_t)line.len + (end ? 1 : 0);
			e->lines++;
		}
	}
	return r;
}

/* What is new in one, whatever it is that its program has put there. Return: octets in
 * ret, or negative: -ENOENT where there is none. */
static ssize_t read_new(
	struct event_journal *e, size_t i, const struct batch *b, uint8_t ret[CHUNK])
{
	char name[64], path[PATH_MAX];
	_cleanup_(closep) int fd = -1;
	ssize_t n;
	struct stat st;
	int r;

	snprintf(name, sizeof(name), FOLDER "/%s/" EVENTS_FILE, PROGRAMS[i]);
	r = path_of(b, name, path);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (e->inode && e->inode != st.st_ino) { /* it was full, and all of it taken */
		log_event(
			LOG_NOTICE, "queued.event-journal", NULL, "%s begins anew", path);
		e->noted = e->passed = 0;
	}
	e->inode = st.st_ino;
	if (st.st_size < e->noted + e->passed) {
		log_event(LOG_ALERT, "queued.event-journal", NULL,
			"%s is shorter than it was: what is left of it is taken as it is",
			path);
		e->noted = st.st_size;
		e->passed = 0;
	}
	if (st.st_size == e->noted + e->passed)
		return 0;
	n = pread(fd, ret, CHUNK, e->noted + e->passed);
	return n < 0 ? -errno : n;
}

static int cannot(const struct batch *b, bool *told, const char *what, int64_t error)
{
	if (!*told)
		log_event(LOG_ERR, "queued.event-journal", NULL,
			"the journal of %s cannot be recorded: %s", what,
			strerror((int)-error));
	*told = true;
	return engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
}

/* Within the transaction, but what one is undone for is no other's. Return: 0 or
 * negative, and nothing of it is recorded. */
static int take_one(struct event_journal *e, size_t i, struct batch *b, struct span data)
{
	struct event_journal before = *e;
	int r = engine_mark(b->engine), unmarked;

	if (r < 0)
		return r;
	if (e->lines > 0 && e->room > 0)
		r = record_passed(b, e, PROGRAMS[i]);
	if (r == 0 && data.len > 0)
		r = record_lines(b, e, i, data);
	unmarked = engine_unmark(b->engine, r == 0);
	if (r == 0)
		r = unmarked;
	if (r < 0)
		*e = before;
	return r;
}

/* Return: 0 or negative as batch_run; the transaction is begun with the first that has
 * something to say. */
static int look_at(struct event_journals *j, size_t i, struct batch *b, bool *begun)
{
	static uint8_t data[CHUNK];
	struct event_journal *e = &j->each[i];
	ssize_t n = read_new(e, i, b, data);
	int r = n < 0 && n != -ENOENT ? (int)n : 0;

	if (n > 0 || (e->lines > 0 && e->room > 0)) {
		if (!*begun)
			r = engine_begin(b->engine);
		*begun |= r == 0;
		if (r == 0)
			r = take_one(e, i, b, span_of(data, n > 0 ? (size_t)n : 0));
	}
	if (r < 0)
		return cannot(b, &e->told, PROGRAMS[i], r);
	e->told = false;
	return 0;
}

/* All or nothing. Return: as batch_run. */
static int look(struct event_journals *j, struct batch *b, int64_t now_ms)
{
	struct event_journals next = *j;
	bool begun = false, any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < EVENT_JOURNALS; i++) {
		make_room(&next.each[i], i, now_ms);
		r = look_at(&next, i, b, &begun);
		any |= next.each[i].noted != j->each[i].noted;
	}
	if (!begun) {
		*j = next;
		return r;
	}
	if (r == 0)
		r = engine_commit(b->engine);
	if (r < 0) {
		engine_rollback(b->engine);
		for (size_t i = 0; i < EVENT_JOURNALS; i++)
			j->each[i].told = next.each[i].told;
		return cannot(b, &j->told_noted, "all", r);
	}
	*j = next;
	batch_recorded(b, clock_now());
	/* the same once more would push out what is noted of ends before */
	r = any ? write_noted(j, b) : 0;
	if (r < 0)
		return cannot(b, &j->told_noted, "all", r);
	j->told_noted = false;
	return 0;
}

int event_journals_run(struct event_journals *j, struct batch *b, int64_t now_ms)
{
	int r = 0;

	if (now_ms < j->next_ms || !batch_may_record(b, clock_now()) || b->failing)
		return 0;
	j->next_ms = now_ms + LOOK_MS;
	if (!j->read)
		r = read_noted(j, b);
	return r < 0 ? cannot(b, &j->told_noted, "all", r) : look(j, b, now_ms);
}
