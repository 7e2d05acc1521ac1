/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/trust_journal.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "queued/noted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 10000
#define LOOK_RECORDS 16 /* at most, in one look */
#define STORE "../trust/lists"
#define NOTED "trust-noted"
#define NOTHING "-"

static const struct snapshot_head NONE = { .at = -1 };

void trust_journal_init(struct trust_journal *j, int64_t now_ms)
{
	*j = (struct trust_journal){ .next_ms = now_ms, .noted = NONE };
}

/* NAME VERSION; a note that says something else is none. */
static int read_noted(struct trust_journal *j, const struct batch *b)
{
	struct snapshot_head s = NONE;
	char text[NOTED_SIZE], name[SNAPSHOT_NAME_SIZE], version[SHA256_TEXT_SIZE];
	int r = noted_read(b, NOTED, text);

	if (r < 0)
		return r;
	j->read = true;
	if (r == 0 || sscanf(text, "%39s %64s", name, version) != 2 ||
		snapshot_time_of_name(name, &s.at) < 0)
		return 0;
	memcpy(s.name, name, sizeof(s.name));
	if (strcmp(version, NOTHING) != 0)
		memcpy(s.version, version, sizeof(s.version));
	j->noted = s;
	return 0;
}

static int write_noted(const struct trust_journal *j, const struct batch *b)
{
	const struct snapshot_head *s = &j->noted;
	char text[NOTED_SIZE];

	(void)snprintf(text, sizeof(text), "%s %s", *s->name ? s->name : NOTHING,
		*s->version ? s->version : NOTHING);
	return noted_write(b, NOTED, text);
}

/* Return: 1 with what is to be recorded; 0 nothing is; negative. */
static int next_one(
	const struct trust_journal *j, const char *store, struct snapshot_head *ret)
{
	int64_t at;
	int r = j->noted.at < 0 ? -ENOENT : snapshot_after(store, j->noted.at, &at);

	if (r == -ENOENT)
		r = snapshot_find(store, INT64_MAX, &at);
	*ret = NONE;
	if (r == 0)
		r = snapshot_head_read(store, at, ret);
	if (r < 0 && r != -ENOENT)
		return r;
	return strcmp(ret->name, j->noted.name) != 0 ||
	       strcmp(ret->version, j->noted.version) != 0;
}

/* Return: as batch_say(). */
static int say(struct batch *b, const struct snapshot_head *s)
{
	_cleanup_json_ json_t *detail = json_pack("{s:s?, s:s?}", "lists_version",
		*s->version ? s->version : NULL, "snapshot", *s->name ? s->name : NULL);
	_cleanup_(freep) char *text = json_canonical(detail);
	int r = text ? batch_say(b, "trust.published", text) : -ENOMEM;

	return r < 0 ? -EIO : r;
}

/* Return: 1 there may be more; 0 there is none, or it cannot be recorded now; negative.
 */
static int record_one(struct trust_journal *j, struct batch *b, const char *store)
{
	struct snapshot_head s;
	int r = next_one(j, store, &s);

	if (r > 0)
		r = say(b, &s);
	if (r <= 0)
		return r;
	j->noted = s;
	r = write_noted(j, b);
	return r < 0 ? r : 1;
}

/* Whatever else is wrong than the database ends nothing. */
static int cannot(struct trust_journal *j, const struct batch *b, int error)
{
	if (!j->told)
		log_event(LOG_ERR, "queued.trust-journal", NULL,
			"which trust is in force cannot be recorded: %s",
			strerror(-error));
	j->told = true;
	return engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
}

int trust_journal_run(struct trust_journal *j, struct batch *b, int64_t now_ms)
{
	char store[PATH_MAX];
	int r = 0;

	if (now_ms < j->next_ms || !batch_may_record(b, clock_now()) || b->failing)
		return 0;
	j->next_ms = now_ms + LOOK_MS;
	if (snprintf(store, sizeof(store), "%s/" STORE, b->folder) >= PATH_MAX)
		r = -ENAMETOOLONG;
	else if (!j->read)
		r = read_noted(j, b);
	if (r == 0)
		r = 1;
	for (int n = 0; r > 0 && n < LOOK_RECORDS; n++)
		r = record_one(j, b, store);
	if (r < 0)
		return cannot(j, b, r);
	j->told = false;
	return 0;
}
