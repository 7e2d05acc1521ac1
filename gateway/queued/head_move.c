/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_move.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/log.h"
#include "queue/head_list.h"
#include "queue/sealed_head.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP_MS 100
#define STEP_NAMES 256	  /* some milliseconds */
#define MADE_REST_MS 5000 /* longer than anybody reads names */

/* A move that the power cut in two, or a copy that was put there. Return: 1, 0. */
static int same_octets(const char *a, const char *b)
{
	_cleanup_(freep) uint8_t *one = NULL, *other = NULL;
	size_t len, other_len;

	return file_read(a, SEALED_HEAD_MAX, &one, &len) == 0 &&
	       file_read(b, SEALED_HEAD_MAX, &other, &other_len) == 0 &&
	       len == other_len && memcmp(one, other, len) == 0;
}

/* Return: 0 or -errno. */
static int move_one(const char *heads, const struct head_file *f)
{
	struct head_file to = { f->position, f->kind, false };
	char from_path[PATH_MAX], to_path[PATH_MAX];
	int r = head_file_path(heads, f, from_path);

	if (r == 0)
		r = head_file_place(heads, &to, to_path);
	if (r < 0)
		return r;
	if (renameat2(AT_FDCWD, from_path, AT_FDCWD, to_path, RENAME_NOREPLACE) == 0)
		return 0;
	r = -errno;
	if (r == -EEXIST && same_octets(from_path, to_path))
		return unlink(from_path) < 0 ? -errno : 0;
	return r;
}

static void take(struct head_move *m, const char *heads, const struct head_file *f)
{
	char path[PATH_MAX];
	int r;

	m->found++;
	if (!m->made) {
		const struct head_file to = { f->position, f->kind, false };

		(void)head_file_place(heads, &to, path);
		return;
	}
	r = move_one(heads, f);
	if (r < 0 && m->left++ == 0)
		log_event(LOG_WARNING, "queued.head", NULL,
			"heads/%0*lld.* stays where earlier versions put it: %s",
			HEAD_DIGITS, (long long)f->position, strerror(-r));
}

/* The folder is at its end. */
static void end_of_look(struct head_move *m, int64_t now_ms)
{
	head_move_done(m);
	m->done = m->made || m->found == 0;
	m->made = true;
	m->next_ms = now_ms + MADE_REST_MS;
	m->found = 0;
}

static void step(struct head_move *m, const char *heads, int64_t now_ms)
{
	struct head_file f = { .flat = true };
	const struct dirent *e = NULL;

	for (int n = 0; n < STEP_NAMES; n++) {
		e = readdir(m->d);
		if (!e)
			break;
		if (head_file_name(e->d_name, &f) && f.kind != HEAD_PENDING)
			take(m, heads, &f);
	}
	if (!e)
		end_of_look(m, now_ms);
}

void head_move_run(struct head_move *m, const char *folder, int64_t now_ms)
{
	char heads[PATH_MAX];

	if (m->done || now_ms < m->next_ms)
		return;
	m->next_ms = now_ms + STEP_MS;
	if (snprintf(heads, sizeof(heads), "%s/heads", folder) >= PATH_MAX) {
		m->done = true;
		return;
	}
	if (!m->d)
		m->d = opendir(heads);
	if (m->d)
		step(m, heads, now_ms);
	else
		m->done = true; /* there are none yet */
}

void head_move_done(struct head_move *m)
{
	if (m->d)
		closedir(m->d);
	m->d = NULL;
}
