/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/count_log.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "pkcs11/count_check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PENDING_MAX (1024u * 1024)
#define CLOCK_BACK_MAX_S 300 /* further behind the last line, nothing is signed */

/* A thread that waits for its line; lives on that thread's stack. It is called when its
 * line is durable, or to write the next batch: all others sleep on. By a semaphore: who
 * is done needs the lock no more, which all others of its batch would have to wait for.
 */
struct waiter {
	struct waiter *next;
	sem_t called;
	unsigned int calls; /* it outlives all of them; no more come once it is done */
	atomic_bool done;
	int result;
};

struct count_log {
	int fd;
	pthread_mutex_t lock;
	bool leading; /* a thread is writing a batch */
	bool broken;
	off_t length; /* durable */
	struct count_state durable;
	struct count_state tail; /* with the lines that are not durable yet */
	struct buf pending;
	struct waiter *waiters; /* of pending */
};

/* Reading ---------------------------------------------------------------------------- */

struct scan {
	const char *path;
	const struct count_mark *contains;
	bool found;
	bool torn;  /* something follows the last whole line */
	off_t good; /* end of the last whole line */
	char **ret_error;
};

static int scan_error(
	const struct scan *scan, const struct count_state *state, const char *what)
{
	if (asprintf(scan->ret_error, "%s: line %" PRIu64 ": %s", scan->path,
		    state->position + 1, what) < 0)
		*scan->ret_error = NULL;
	return -EBADMSG;
}

static void scan_mark(struct scan *scan, const struct count_state *state)
{
	const struct count_mark *m = scan->contains;

	if (m && m->position == state->position &&
		memcmp(m->chain, state->chain, sizeof(m->chain)) == 0)
		scan->found = true;
}

/* Check every line of f. Return: 0 or -EBADMSG, -errno. */
static int scan_lines(FILE *f, struct scan *scan, struct count_state *state)
{
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	ssize_t n;

	*state = (struct count_state){ 0 };
	scan_mark(scan, state);
	while ((n = getline(&line, &size, f)) > 0) {
		const char *wrong;

		/* Without its newline it was never durable, and its signature never left.
		 */
		scan->torn = line[n - 1] != '\n';
		if (scan->torn)
			return 0;
		wrong = count_line_check(state, line, (size_t)n - 1);
		if (wrong)
			return scan_error(scan, state, wrong);
		scan->good += n;
		scan_mark(scan, state);
	}
	return ferror(f) ? -EIO : 0;
}

int count_log_verify(const char *path, const struct count_mark *contains,
	struct count_state *ret_state, char **ret_error)
{
	struct scan scan = { .path = path, .contains = contains, .ret_error = ret_error };
	FILE *f = fopen(path, "re");
	int r;

	*ret_error = NULL;
	if (!f) {
		r = -errno;
		if (asprintf(ret_error, "%s: %s", path, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	r = scan_lines(f, &scan, ret_state);
	fclose(f);
	if (r == 0 && scan.torn)
		r = scan_error(&scan, ret_state, "torn: it has no end");
	if (r == 0 && contains && !scan.found) {
		if (asprintf(ret_error,
			    "%s: no line %" PRIu64 " with the chain value given: the log "
			    "was cut or replaced",
			    path, contains->position) < 0)
			*ret_error = NULL;
		r = -ENODATA;
	}
	return r;
}

/* Opening ---------------------------------------------------------------------------- */

static int sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	_cleanup_(closep) int fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int open_locked(const char *path)
{
	_cleanup_(closep) int fd =
		open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	r = sync_folder_of(path);
	return r < 0 ? r : take_fd(&fd);
}

/* Verify what is there and cut a torn end off. */
static int recover(
	struct count_log *log, const char *path, size_t *ret_cut, char **ret_error)
{
	struct scan scan = { .path = path, .ret_error = ret_error };
	FILE *f = fopen(path, "re");
	struct stat st;
	int r;

	if (!f)
		return -errno;
	r = scan_lines(f, &scan, &log->durable);
	fclose(f);
	if (r < 0)
		return r;
	if (fstat(log->fd, &st) < 0)
		return -errno;
	*ret_cut = (size_t)(st.st_size - scan.good);
	if (*ret_cut && ftruncate(log->fd, scan.good) < 0)
		return -errno;
	/* Lines that a crash left unsynced are in the state now: make that true. */
	if (fsync(log->fd) < 0)
		return -errno;
	log->length = scan.good;
	log->tail = log->durable;
	return 0;
}

int count_log_open(
	const char *path, struct count_log **ret_log, size_t *ret_cut, char **ret_error)
{
	_cleanup_(count_log_closep) struct count_log *log = calloc(1, sizeof(*log));
	int r;

	*ret_error = NULL;
	*ret_cut = 0;
	if (!log)
		return -ENOMEM;
	pthread_mutex_init(&log->lock, NULL);
	buf_init(&log->pending, PENDING_MAX);
	log->fd = open_locked(path);
	r = log->fd < 0 ? log->fd : recover(log, path, ret_cut, ret_error);
	if (r < 0) {
		if (!*ret_error && asprintf(ret_error, "%s: %s", path,
					   r == -EBUSY ? "another signer has it open"
						       : strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	*ret_log = TAKE(log);
	return 0;
}

void count_log_close(struct count_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	buf_done(&log->pending);
	pthread_mutex_destroy(&log->lock);
	free(log);
}

/* Appending -------------------------------------------------------------------------- */

/* True when the file is still the one that was opened, and as long as we left it. */
static bool untouched(const struct count_log *log)
{
	struct stat st;

	return fstat(log->fd, &st) == 0 && st.st_nlink == 1 && st.st_size == log->length;
}

/* Write a batch; on failure the file is as before or the log is broken. */
static int write_batch(struct count_log *log, const struct buf *batch, bool *ret_broken)
{
	int r;

	*ret_broken = !untouched(log);
	if (*ret_broken)
		return -EIO;
	r = fd_write_all(log->fd, span_of(batch->data, batch->len));
	if (r < 0) {
		*ret_broken = ftruncate(log->fd, log->length) < 0;
		return r;
	}
	if (fdatasync(log->fd) < 0) {
		/* What the file holds now is unknown, and a second fsync would not say.
		 */
		*ret_broken = true;
		return -EIO;
	}
	return 0;
}

/* With the lock. */
static void call(struct waiter *waiter, bool done)
{
	waiter->calls++;
	atomic_store(&waiter->done, done);
	sem_post(&waiter->called);
}

static void finish(struct waiter *list, int result)
{
	while (list) {
		struct waiter *next = list->next;

		list->result = result;
		call(list, true);
		list = next;
	}
}

/* Take what is pending and make it durable, for all whose lines are in it. */
static void lead(struct count_log *log)
{
	struct buf batch = log->pending;
	struct waiter *waiters = TAKE(log->waiters);
	struct count_state state = log->tail;
	bool broken;
	int r;

	log->leading = true;
	buf_init(&log->pending, PENDING_MAX);
	pthread_mutex_unlock(&log->lock);
	r = write_batch(log, &batch, &broken);
	pthread_mutex_lock(&log->lock);
	finish(waiters, r);
	if (r == 0) {
		log->length += (off_t)batch.len;
		log->durable = state;
	} else {
		/* Lines that came meanwhile are chained to lines that are not there. */
		finish(TAKE(log->waiters), r);
		buf_done(&log->pending);
		buf_init(&log->pending, PENDING_MAX);
		log->tail = log->durable;
		log->broken |= broken;
	}
	log->leading = false;
	if (log->waiters)
		call(log->waiters, false);
	buf_done(&batch);
}

/* Add the line to what is pending. */
static int enqueue(struct count_log *log, const struct count_entry *entry,
	struct waiter *waiter, uint64_t *ret_count)
{
	struct count_state before = log->tail;
	char line[COUNT_LINE_MAX];
	int64_t now = clock_now();
	int n, r;

	if (log->broken)
		return -EIO;
	if (now + CLOCK_BACK_MAX_S < log->tail.time)
		return -ETIME;
	n = count_line_make(&log->tail, entry, now, line);
	r = n < 0 ? n : buf_add(&log->pending, line, (size_t)n);
	if (r < 0) {
		log->tail = before;
		return r;
	}
	*ret_count = count_state_of(&log->tail, entry->role);
	waiter->next = log->waiters;
	log->waiters = waiter;
	return 0;
}

static void sleep_until_called(struct waiter *waiter)
{
	while (sem_wait(&waiter->called) < 0)
		; /* EINTR */
}

/* Until the line is durable or is not going to be: write batches when nobody else does.
 */
static void await(struct count_log *log, struct waiter *waiter)
{
	unsigned int heard = 0;

	while (!atomic_load(&waiter->done)) {
		bool leads;

		pthread_mutex_lock(&log->lock);
		leads = !log->leading && !atomic_load(&waiter->done);
		if (leads)
			lead(log);
		pthread_mutex_unlock(&log->lock);
		if (!leads) {
			sleep_until_called(waiter);
			heard++;
		}
	}
	for (; heard < waiter->calls; heard++)
		sleep_until_called(waiter);
}

int count_log_append(
	struct count_log *log, const struct count_entry *entry, uint64_t *ret_count)
{
	struct waiter waiter = { .result = 0 };
	int r;

	if (sem_init(&waiter.called, 0, 0) < 0)
		return -errno;
	pthread_mutex_lock(&log->lock);
	r = enqueue(log, entry, &waiter, ret_count);
	pthread_mutex_unlock(&log->lock);
	if (r == 0)
		await(log, &waiter);
	sem_destroy(&waiter.called);
	return r < 0 ? r : waiter.result;
}

bool count_log_broken(struct count_log *log)
{
	bool broken;

	pthread_mutex_lock(&log->lock);
	broken = log->broken;
	pthread_mutex_unlock(&log->lock);
	return broken;
}

uint64_t count_log_count(struct count_log *log, const char *role)
{
	uint64_t count;

	pthread_mutex_lock(&log->lock);
	count = count_state_of(&log->durable, role);
	pthread_mutex_unlock(&log->lock);
	return count;
}

void count_log_state(struct count_log *log, struct count_state *ret_state)
{
	pthread_mutex_lock(&log->lock);
	*ret_state = log->durable;
	pthread_mutex_unlock(&log->lock);
}
