/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/policy_journal.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "queued/noted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_MS 1000
#define JOURNAL "../policy/journal"
#define NOTED "policy-noted"
#define JOURNAL_MAX (16u * 1024 * 1024)
#define LINE_LONGEST 8192

void policy_journal_init(struct policy_journal *j, int64_t now_ms)
{
	*j = (struct policy_journal){ .next_ms = now_ms, .noted = -1 };
}

static int path_of(const struct batch *b, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", b->folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* How far the journal was recorded; nothing yet where that was never noted. Return: that,
 * or negative: recording all of it once more is no answer to a file that cannot be read.
 */
static int64_t read_noted(const struct batch *b)
{
	char text[NOTED_SIZE];
	int r = noted_read(b, NOTED, text);

	return r > 0 ? strtoll(text, NULL, 10) : r;
}

static int write_noted(const struct batch *b, int64_t noted)
{
	char text[40];

	snprintf(text, sizeof(text), "%lld", (long long)noted);
	return noted_write(b, NOTED, text);
}

/* "policy.activate", "policy.rollback" or "policy.stop", by the two people, with the
 * line's digest. What is no such line is recorded as that. Return: 0 or negative. */
static int record_line(struct batch *b, struct span line)
{
	struct queue_audit_request q = { .actor = "policy",
		.event = "policy.unreadable" };
	_cleanup_json_ json_t *entry = json_read(line, LINE_LONGEST);
	_cleanup_(freep) char *text = NULL;
	char sha256[SHA256_TEXT_SIZE];
	const char *act = json_string_of(entry, "act");
	int r = digest_sha256_text(line, sha256);

	if (r < 0)
		return r;
	if (act && (strcmp(act, "activate") == 0 || strcmp(act, "rollback") == 0 ||
			   strcmp(act, "stop") == 0))
		snprintf(q.event, sizeof(q.event), "policy.%s", act);
	if (!json_is_object(entry)) {
		json_decref(entry);
		entry = json_object();
	}
	json_object_set_new(entry, "journal_sha256", json_string(sha256));
	text = json_canonical(entry);
	if (!text)
		return -ENOMEM;
	if (snprintf(q.detail, sizeof(q.detail), "%s", text) >= (int)sizeof(q.detail))
		snprintf(q.detail, sizeof(q.detail), "{\"journal_sha256\":\"%s\"}",
			sha256);
	return engine_audit(b->engine, clock_now(), &q) == QUEUE_DONE ? 0 : -EIO;
}

/* Every whole line, in one transaction. Return: octets taken, or negative. */
static int64_t record_lines(struct batch *b, struct span data)
{
	const uint8_t *at = data.data, *end;
	int r = engine_begin(b->engine);

	while (r == 0 && (end = memchr(at, '\n', data.len - (size_t)(at - data.data)))) {
		r = record_line(b, span_of(at, (size_t)(end - at)));
		at = end + 1;
	}
	if (r == 0)
		r = engine_commit(b->engine);
	if (r < 0) {
		engine_rollback(b->engine);
		return r;
	}
	batch_recorded(b, clock_now());
	return at - data.data;
}

/* Is there more than was noted? A journal that became shorter was changed. */
static bool grown(struct policy_journal *j, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if (st.st_size < j->noted) {
		log_event(LOG_ALERT, "queued.policy-journal", NULL,
			"%s is shorter than it was: what is left of it is taken as it "
			"is",
			path);
		j->noted = st.st_size;
	}
	return st.st_size > j->noted;
}

static int cannot(struct policy_journal *j, const struct batch *b, int64_t error)
{
	if (!j->told)
		log_event(LOG_ERR, "queued.policy-journal", NULL,
			"the journal of policies cannot be recorded: %s",
			strerror((int)-error));
	j->told = true;
	return engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
}

int policy_journal_run(struct policy_journal *j, struct batch *b, int64_t now_ms)
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int64_t taken;

	if (now_ms < j->next_ms || !batch_may_record(b, clock_now()) || b->failing)
		return 0;
	j->next_ms = now_ms + LOOK_MS;
	if (j->noted < 0)
		j->noted = read_noted(b);
	if (j->noted < 0)
		return cannot(j, b, j->noted);
	if (path_of(b, JOURNAL, path) < 0 || !grown(j, path))
		return 0;
	taken = file_read(path, JOURNAL_MAX, &data, &len);
	if (taken == 0 && len > (size_t)j->noted)
		taken = record_lines(b, span_of(data + j->noted, len - (size_t)j->noted));
	if (taken < 0)
		return cannot(j, b, taken);
	j->noted += taken;
	taken = taken > 0 ? write_noted(b, j->noted) : 0;
	if (taken < 0)
		return cannot(j, b, taken);
	j->told = false;
	return 0;
}
