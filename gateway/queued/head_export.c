/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_export.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/log.h"
#include "queue/head_stamp.h"
#include "queue/sealed_head.h"
#include "queued/head_heal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_FILES 64	 /* of what is missing, a second */
#define LIST_FILES 1024u /* of which the names are kept */
#define REST_MS 1000
#define SLOW_MS 30000 /* then it is said */
#define MARK_MAX (PATH_MAX + 64u)
#define FILE_MAX (SEALED_HEAD_MAX > HEAD_STAMP_MAX ? SEALED_HEAD_MAX : HEAD_STAMP_MAX)
#define TRACKS 2 /* heads, time-stamps */

/* Of one kind. Under the lock what was noted, the rest is the thread's. */
struct track {
	int64_t newest, lowest; /* of those noted */
	int count;		/* of those that the thread has not taken */

	int64_t mark;	    /* everything up to here is there */
	int64_t put;	    /* ahead of the others */
	bool whole;	    /* nothing is missing behind the mark but what is noted */
	struct head_list l; /* of what may be missing */
	size_t next;	    /* of l */
};

struct head_export {
	char heads[PATH_MAX], to[PATH_MAX], marks[PATH_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct head_exported told;
	int64_t waiting_since_ms, busy_since_ms; /* 0: not */
	bool said;				 /* that it does not work */
	bool stop, ended, left;

	bool known; /* the thread's: where the tracks begin */
	struct track tracks[TRACKS];
};

static void free_all(struct head_export *x)
{
	for (int k = 0; k < TRACKS; k++)
		head_list_done(&x->tracks[k].l);
	pthread_cond_destroy(&x->changed);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

/* The other machine is asked from here on. */
static void begin_asking(struct head_export *x)
{
	pthread_mutex_lock(&x->lock);
	x->busy_since_ms = clock_monotonic_ms();
	pthread_mutex_unlock(&x->lock);
}

/* Return: r, or -ECANCELED when nobody waits for it any more. */
static int end_asking(struct head_export *x, int r)
{
	pthread_mutex_lock(&x->lock);
	x->busy_since_ms = 0;
	if (x->left)
		r = -ECANCELED;
	pthread_mutex_unlock(&x->lock);
	return r;
}

/* Return: 1 it is there, 0 nothing is, or something else was set aside, negative. */
static int is_there(
	const struct head_export *x, const struct head_file *f, struct span text)
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = head_file_path(x->to, f, path);

	if (r == 0)
		r = file_read(path, FILE_MAX, &data, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (span_equal(span_of(data, len), text))
		return 1;
	head_set_aside(x->to, f->position, f->kind);
	return 0;
}

static int put_there(
	const struct head_export *x, const struct head_file *f, struct span text)
{
	struct head_file to = *f;
	char path[PATH_MAX];
	int r = 0;

	for (int flat = 1; flat >= 0 && r == 0; flat--) {
		to.flat = flat;
		r = is_there(x, &to, text);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	r = head_folder_path(x->to, to.position, path);
	if (r == 0)
		r = durable_mkdir(path, 0755);
	if (r == 0)
		r = head_file_path(x->to, &to, path);
	return r < 0 ? r : durable_write(path, text, 0644);
}

static void note_put(struct head_export *x, const struct sealed_head *head)
{
	pthread_mutex_lock(&x->lock);
	if (head->position >= x->told.position ||
		head->position == x->tracks[HEAD_JSON].newest) {
		x->told.position = head->position;
		x->told.at = head->at;
	}
	if (head->position == x->tracks[HEAD_JSON].newest)
		x->waiting_since_ms = 0;
	pthread_mutex_unlock(&x->lock);
}

/* Not what is no head or cannot be read here, nor what was set aside meanwhile. */
static int put(struct head_export *x, enum head_kind kind, int64_t position)
{
	struct head_file f = { .position = position, .kind = kind };
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *reason = NULL;
	struct sealed_head head = { 0 };
	char path[PATH_MAX];
	size_t len = 0;
	int r = head_file_find(x->heads, &f, path);

	if (r == 0)
		r = file_read(path, FILE_MAX, &data, &len);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (kind == HEAD_JSON) {
		r = sealed_head_verify(span_of(data, len), NULL, 0, &head, &reason);
		if (r != 1)
			return r;
	}
	begin_asking(x);
	r = end_asking(x, put_there(x, &f, span_of(data, len)));
	if (r == 0 && kind == HEAD_JSON)
		note_put(x, &head);
	return r;
}

static bool stopping(struct head_export *x)
{
	bool stop;

	pthread_mutex_lock(&x->lock);
	stop = x->stop;
	pthread_mutex_unlock(&x->lock);
	return stop;
}

/* A chain that was set back has heads anew at positions that were passed. Return: the
 * newest. */
static int64_t take_noted(struct head_export *x, struct track *t)
{
	int64_t newest;

	pthread_mutex_lock(&x->lock);
	newest = t->newest;
	if (t->count && t->lowest <= t->mark) {
		t->mark = t->lowest - 1;
		t->put = 0;
		t->whole = false;
		head_list_done(&t->l);
	}
	if (t->count > 1)
		t->whole = false;
	t->count = 0;
	pthread_mutex_unlock(&x->lock);
	return newest;
}

/* Some of what is missing, by position. */
static int catch_up(struct head_export *x, enum head_kind kind)
{
	struct track *t = &x->tracks[kind];
	const struct head_wish wish = { .most = LIST_FILES,
		.after = t->mark,
		.kinds = HEAD_BIT(kind),
		.oldest = true };
	int r = 0;

	if (t->next >= t->l.count) {
		head_list_done(&t->l);
		t->next = 0;
		r = head_list_read(x->heads, &wish, &t->l);
		t->whole = r == 0 && t->l.count == 0;
	}
	for (int n = 0; n < STEP_FILES && r == 0 && t->next < t->l.count; n++) {
		int64_t position = t->l.files[t->next].position;

		if (n > 0 && stopping(x))
			break;
		if (position > t->mark && position != t->put)
			r = put(x, kind, position);
		if (r == 0) {
			t->mark = position > t->mark ? position : t->mark;
			t->next++;
		}
	}
	return r;
}

static int export_kind(struct head_export *x, enum head_kind kind)
{
	struct track *t = &x->tracks[kind];
	int64_t newest = take_noted(x, t);
	int r = 0;

	if (newest > t->mark && newest != t->put) {
		r = put(x, kind, newest);
		if (r < 0)
			t->whole = false;
		else
			t->put = newest;
		if (t->whole)
			t->mark = newest;
	}
	return r == 0 && !t->whole ? catch_up(x, kind) : r;
}

/* -- how far it has come ------------------------------------------------------ */

/* A number and a space. Return: what follows, NULL: it is none. */
static const char *read_number(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end != ' ' ? NULL : end + 1;
}

/* Return: whether the marks of this folder were there. */
static bool read_marks(struct head_export *x)
{
	_cleanup_(freep) uint8_t *text = NULL;
	const char *rest = NULL;
	int64_t heads = 0, stamps = 0;
	size_t len;

	if (file_read(x->marks, MARK_MAX, &text, &len) == 0)
		rest = read_number((const char *)text, &heads);
	if (rest)
		rest = read_number(rest, &stamps);
	if (!rest || strcmp(rest, x->to) != 0)
		return false;
	x->tracks[HEAD_JSON].mark = heads;
	x->tracks[HEAD_STAMP].mark = stamps;
	return true;
}

static int newest_there(struct head_export *x, enum head_kind kind)
{
	const struct head_wish wish = { .most = 1, .kinds = HEAD_BIT(kind) };
	struct head_list l = { 0 };
	int r;

	begin_asking(x);
	r = end_asking(x, head_list_read(x->to, &wish, &l));
	if (r == 0 && l.count)
		x->tracks[kind].mark = l.files[l.count - 1].position;
	head_list_done(&l);
	return r;
}

static int find_begin(struct head_export *x)
{
	int r = 0;

	if (x->known)
		return 0;
	for (int k = 0; k < TRACKS && r == 0 && !read_marks(x); k++)
		r = newest_there(x, (enum head_kind)k);
	x->known = r == 0;
	pthread_mutex_lock(&x->lock);
	x->told.position = x->tracks[HEAD_JSON].mark;
	pthread_mutex_unlock(&x->lock);
	return r;
}

static void write_marks(const struct head_export *x)
{
	char text[MARK_MAX];

	(void)snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 " %s",
		x->tracks[HEAD_JSON].mark, x->tracks[HEAD_STAMP].mark, x->to);
	/* What is not noted is looked at again. */
	(void)durable_write(x->marks, span_str(text), 0600);
}

/* -- the thread --------------------------------------------------------------- */

/* Say once that it does not work, and once that it does again. */
static void tell(struct head_export *x, int r)
{
	pthread_mutex_lock(&x->lock);
	if (r < 0 && !x->said)
		log_event(LOG_WARNING, "queued.head-unexported", NULL,
			"%s: the sealed head is in this machine's folder alone: %s",
			x->to, strerror(-r));
	else if (r == 0 && x->said)
		log_event(LOG_NOTICE, "queued.head-unexported", NULL,
			"%s: heads are put there again", x->to);
	x->said = r < 0;
	pthread_mutex_unlock(&x->lock);
}

/* Return: -ECANCELED when nobody waits for it any more. */
static int export_all(struct head_export *x)
{
	int64_t before[TRACKS];
	bool changed = false;
	int r = find_begin(x);

	for (int k = 0; k < TRACKS && r == 0; k++) {
		before[k] = x->tracks[k].mark;
		r = export_kind(x, (enum head_kind)k);
		changed |= before[k] != x->tracks[k].mark;
	}
	if (r == -ECANCELED)
		return r;
	if (changed)
		write_marks(x);
	tell(x, r);
	return r;
}

static struct timespec rest_end(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += REST_MS / 1000;
	return t;
}

/* Until one is noted; what failed, and what else is missing, after a pause. Return:
 * whether this is the last time. */
static bool wait_for_one(struct head_export *x)
{
	struct timespec until = rest_end();
	bool last;

	pthread_mutex_lock(&x->lock);
	if (!x->stop && !x->tracks[HEAD_JSON].count && !x->tracks[HEAD_STAMP].count)
		pthread_cond_timedwait(&x->changed, &x->lock, &until);
	last = x->stop;
	pthread_mutex_unlock(&x->lock);
	return last;
}

static void *run(void *argument)
{
	struct head_export *x = argument;
	bool last = false, left;

	while (export_all(x) != -ECANCELED && !last)
		last = wait_for_one(x);
	pthread_mutex_lock(&x->lock);
	x->ended = true;
	left = x->left;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	if (left)
		free_all(x);
	return NULL;
}

static int set_paths(struct head_export *x, const char *folder, const char *to)
{
	int r = head_folder(folder, x->heads);

	if (r < 0 || snprintf(x->to, sizeof(x->to), "%s", to) >= PATH_MAX ||
		snprintf(x->marks, sizeof(x->marks), "%s/exported", folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

int head_export_start(const char *folder, const char *to, struct head_export **ret)
{
	struct head_export *x = calloc(1, sizeof(*x));
	pthread_condattr_t attributes;
	int r;

	if (!x)
		return -ENOMEM;
	pthread_mutex_init(&x->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&x->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	r = set_paths(x, folder, to);
	if (r == 0)
		r = -pthread_create(&x->thread, NULL, run, x);
	if (r < 0)
		free_all(x);
	else
		*ret = x;
	return r;
}

void head_export_note(struct head_export *x, enum head_kind kind, int64_t position)
{
	struct track *t;

	if (!x)
		return;
	t = &x->tracks[kind];
	pthread_mutex_lock(&x->lock);
	if (!t->count || position < t->lowest)
		t->lowest = position;
	t->newest = position;
	t->count++;
	if (kind == HEAD_JSON && !x->waiting_since_ms)
		x->waiting_since_ms = clock_monotonic_ms();
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
}

void head_export_watch(struct head_export *x)
{
	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	if (x->busy_since_ms && !x->said &&
		clock_monotonic_ms() - x->busy_since_ms >= SLOW_MS) {
		log_event(LOG_WARNING, "queued.head-unexported", NULL,
			"%s: the sealed head is in this machine's folder alone: the "
			"folder "
			"has not answered for %d s",
			x->to, SLOW_MS / 1000);
		x->said = true;
	}
	pthread_mutex_unlock(&x->lock);
}

bool head_export_told(struct head_export *x, struct head_exported *ret)
{
	if (!x)
		return false;
	pthread_mutex_lock(&x->lock);
	*ret = x->told;
	ret->waiting_ms =
		x->waiting_since_ms ? clock_monotonic_ms() - x->waiting_since_ms : 0;
	pthread_mutex_unlock(&x->lock);
	return true;
}

void head_export_stop(struct head_export *x, const struct timespec *until)
{
	bool ended;

	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	x->stop = true;
	pthread_cond_broadcast(&x->changed);
	/* who is known not to answer is not waited for */
	while (!x->ended && !(x->said && x->busy_since_ms) &&
		pthread_cond_timedwait(&x->changed, &x->lock, until) == 0)
		;
	ended = x->ended;
	x->left = !ended;
	if (!ended) /* while it waits for the lock to see that */
		pthread_detach(x->thread);
	pthread_mutex_unlock(&x->lock);
	if (!ended)
		return;
	pthread_join(x->thread, NULL);
	free_all(x);
}
