/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/ledger_walk.h"

#include "common/cleanup.h"
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define NEW ".new"

void ledger_walk_init(struct ledger_walk *w, const char *folder)
{
	int n = snprintf(w->path, sizeof(w->path), "%s/" LEDGER_EVIDENCE, folder);

	if (n < 0 || (size_t)n + sizeof(NEW) > sizeof(w->path))
		w->path[0] = '\0';
}

static void name_of_new(const struct ledger_walk *w, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s" NEW, w->path);
}

/* For the queue's user alone, and never through a link. */
static FILE *open_new(const struct ledger_walk *w)
{
	char path[PATH_MAX];
	FILE *file;
	int fd;

	name_of_new(w, path);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file && fd >= 0)
		close(fd);
	return file;
}

static void write_line(struct ledger_walk *w, const json_t *mismatch)
{
	_cleanup_(freep) char *text = NULL;

	if (!w->path[0] || w->found.lines >= LEDGER_EVIDENCE_MAX)
		return;
	if (!w->file && w->found.count == 1)
		w->file = open_new(w);
	text = w->file ? json_canonical(mismatch) : NULL;
	if (text && fprintf(w->file, "%s\n", text) > 0)
		w->found.lines++;
}

int ledger_walk_found(struct ledger_walk *w, json_t *mismatch)
{
	_cleanup_json_ json_t *owned = mismatch;

	if (!owned)
		return -ENOMEM;
	w->found.count++;
	write_line(w, owned);
	if (!w->found.list)
		w->found.list = json_array();
	if (json_array_size(w->found.list) >= LEDGER_FOUND_MAX)
		return 0;
	return json_array_append(w->found.list, owned) < 0 ? -ENOMEM : 0;
}

/* Whole under its name, or not there. */
static bool keep(struct ledger_walk *w)
{
	FILE *file = w->file;
	char path[PATH_MAX];
	bool whole;

	w->file = NULL;
	if (!file)
		return false;
	name_of_new(w, path);
	whole = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
	whole = fclose(file) == 0 && whole;
	if (whole && rename(path, w->path) == 0)
		return true;
	(void)unlink(path);
	return false;
}

void ledger_walk_end(struct ledger_walk *w)
{
	if (!keep(w)) {
		w->found.lines = 0;
		if (w->path[0])
			(void)unlink(w->path);
	}
	json_decref(w->standing.list);
	w->standing = w->found;
	w->found = (struct ledger_found){ 0 };
	w->documents = w->document;
	w->document = 0;
	w->position = 0;
	w->rounds++;
}

void ledger_walk_done(struct ledger_walk *w)
{
	char path[PATH_MAX];

	if (w->file) {
		name_of_new(w, path);
		fclose(w->file);
		(void)unlink(path);
	}
	json_decref(w->found.list);
	json_decref(w->standing.list);
}

int ledger_walk_tell(const struct ledger_walk *w, json_t *check)
{
	const struct ledger_found *s = &w->standing;
	int r = s->list ? json_object_set(check, "mismatches", s->list)
			: json_object_set_new(check, "mismatches", json_array());

	if (r == 0)
		r = json_object_set_new(check, "found", json_integer(s->count));
	if (r == 0)
		r = json_object_set_new(check, "named", json_integer(s->lines));
	if (r == 0 && s->lines > 0)
		r = json_object_set_new(
			check, "file", json_string("state/queue/" LEDGER_EVIDENCE));
	return r < 0 ? -ENOMEM : 0;
}
