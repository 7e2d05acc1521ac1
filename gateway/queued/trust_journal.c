/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/trust_journal.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 10000
#define STORE "../trust/lists"
#define NOTED "trust-noted"
#define PREFIX "snapshot-"
#define SUFFIX ".map"
#define SNAPSHOT_MAX (256u * 1024 * 1024)

void trust_journal_init(struct trust_journal *j, int64_t now_ms)
{
	*j = (struct trust_journal){ .next_ms = now_ms };
}

static int path_of(const struct batch *b, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", b->folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static int read_noted(struct trust_journal *j, const struct batch *b)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = path_of(b, NOTED, path);

	if (r == 0)
		r = file_read(path, NAME_MAX, &text, &len);
	if (r == 0)
		snprintf(j->noted, sizeof(j->noted), "%.*s",
			(int)strcspn((const char *)text, "\n"), (const char *)text);
	j->read = r == 0 || r == -ENOENT;
	return j->read ? 0 : r;
}

static bool is_snapshot(const char *name)
{
	size_t len = strlen(name);

	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && len > strlen(SUFFIX) &&
	       strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* Their names are times of one width. Return: 0 with "" where there is none, or -errno.
 */
static int newest(const char *store, char ret_name[NAME_MAX + 1])
{
	struct dirent *e;
	DIR *d = opendir(store);

	ret_name[0] = '\0';
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d)))
		if (is_snapshot(e->d_name) && strcmp(e->d_name, ret_name) > 0)
			snprintf(ret_name, NAME_MAX + 1, "%s", e->d_name);
	closedir(d);
	return 0;
}

/* Return: as batch_say(). */
static int record(struct batch *b, const char *store, const char *name)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	char path[PATH_MAX], sha256[SHA256_TEXT_SIZE], detail[NAME_MAX + 128];
	size_t len = 0;
	int r = snprintf(path, sizeof(path), "%s/%s", store, name) < PATH_MAX
			? file_read(path, SNAPSHOT_MAX, &octets, &len)
			: -ENAMETOOLONG;

	if (r == 0)
		r = digest_sha256_text(span_of(octets, len), sha256);
	if (r < 0)
		return r;
	snprintf(detail, sizeof(detail), "{\"sha256\":\"%s\",\"snapshot\":\"%s\"}",
		sha256, name);
	r = batch_say(b, "trust.published", detail);
	return r < 0 ? -EIO : r;
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
	char store[PATH_MAX], noted[PATH_MAX], name[NAME_MAX + 1] = "";
	int r;

	if (now_ms < j->next_ms || !batch_may_record(b, clock_now()) || b->failing)
		return 0;
	j->next_ms = now_ms + LOOK_MS;
	r = j->read ? 0 : read_noted(j, b);
	if (r == 0)
		r = path_of(b, STORE, store);
	if (r == 0)
		r = path_of(b, NOTED, noted);
	if (r == 0)
		r = newest(store, name);
	if (r < 0)
		return cannot(j, b, r);
	if (!*name || strcmp(name, j->noted) == 0)
		return 0;
	r = record(b, store, name);
	if (r > 0) {
		snprintf(j->noted, sizeof(j->noted), "%s", name);
		r = durable_write(noted, span_str(name), 0600);
	}
	if (r < 0)
		return cannot(j, b, r);
	j->told = false;
	return 0;
}
