/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_force.h"

#include "common/clock.h"
#include "common/durable.h"
#include "ctl/bundle/policy_check.h"
#include "ctl/bundle/policy_settle.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* Other commands hold the lock for moments, an activation while it runs the examples. */
#define LOCK_WAIT_MS 10000
#define LOCK_LOOK_NS 10000000

static int complain(int error, const char *what)
{
	if (error < 0)
		fprintf(stderr, "sealgate policy: %s: %s\n", what, strerror(-error));
	return error;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int join(const char *folder, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? 0
									 : -ENAMETOOLONG;
}

int force_path(const struct force *f, uint64_t version, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%" PRIu64 ".bundle", f->folder, version) <
			       PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

bool force_known(const struct force *f, uint64_t version)
{
	char path[PATH_MAX];

	return force_path(f, version, path) == 0 && access(path, F_OK) == 0;
}

static int stop_path(const struct force *f, uint64_t version, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%" PRIu64 ".stop", f->folder, version) <
			       PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

bool force_is_stop(const struct force *f, uint64_t version)
{
	char path[PATH_MAX];

	return stop_path(f, version, path) < 0 || access(path, F_OK) == 0;
}

/* Before it is in force: a stop that is not marked could be taken back by one person. */
static int mark_stop(const struct force *f, uint64_t version, const char *act)
{
	char path[PATH_MAX];
	int r = strcmp(act, "stop") == 0 ? stop_path(f, version, path) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return durable_write(path, span_str(f->reason ? f->reason : ""), 0644);
}

static int read_active(struct force *f)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r = join(f->folder, "active", path);

	if (r == 0)
		r = file_read(path, 200, &text, &len);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		f->version = strtoull((const char *)text, NULL, 10);
	return r;
}

static int lock(struct force *f)
{
	const struct timespec look = { .tv_nsec = LOCK_LOOK_NS };
	int64_t end = clock_monotonic_ms() + LOCK_WAIT_MS;
	char path[PATH_MAX];
	int r = join(f->folder, "lock", path);

	if (r < 0)
		return r;
	f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->lock < 0)
		return -errno;
	while (flock(f->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_monotonic_ms() > end)
			return -EBUSY;
		(void)nanosleep(&look, NULL);
	}
	return 0;
}

int force_open(struct force *f)
{
	char *error = NULL;
	int r;

	*f = (struct force){ .lock = -1 };
	r = instance_open(NULL, &f->instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
		free(error);
		return r;
	}
	r = instance_path(&f->instance, "policies", f->policies);
	if (r == 0)
		r = instance_path(&f->instance, "state/policy", f->folder);
	if (r == 0)
		r = make_folder(f->folder);
	if (r == 0)
		r = lock(f);
	if (r == 0)
		r = read_active(f);
	if (r == 0)
		r = settle_finish(f);
	return complain(r < 0 ? r : 0, f->folder);
}

void force_done(struct force *f)
{
	closep(&f->lock);
	instance_done(&f->instance);
}

static int write_archive(const struct bundle *b, const char *path)
{
	_cleanup_buf_ struct buf archive;
	int r;

	buf_init(&archive, BUNDLE_MAX);
	r = bundle_write(b, &archive);
	return r == 0 ? durable_write(path, buf_span(&archive), 0644) : r;
}

/* What was there before any bundle, so that there is a way back. */
static int keep_first(const struct force *f)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	int r = force_path(f, 0, path);

	if (r < 0 || f->version > 0 || access(path, F_OK) == 0)
		return r;
	r = bundle_of_folder(f->policies, 0, &b, &error);
	if (r < 0)
		fprintf(stderr, "sealgate policy: %s\n", error ? error : "no memory");
	return r == 0 ? write_archive(&b, path) : r;
}

static int keep_file(const char *from, const char *to)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(from, BUNDLE_MAX, &data, &len);

	return r == 0 ? durable_write(to, span_of(data, len), 0644) : r;
}

static int keep(const struct force *f, const struct bundle *b, const char *from,
	const struct consent *consent)
{
	char to[PATH_MAX], path[PATH_MAX];
	int r = force_path(f, b->version, to);

	if (r < 0 || strcmp(from, to) == 0)
		return r;
	r = write_archive(b, to);
	for (size_t i = 0; r == 0 && i < consent->count; i++) {
		/* BUNDLE.DIGEST16.p7s: the last 21 characters stay. */
		const char *its = consent->people[i].path;

		if (!*its)
			continue;
		r = snprintf(path, sizeof(path), "%s%s", to, its + strlen(its) - 21) <
				    (int)sizeof(path)
			    ? keep_file(its, path)
			    : -ENAMETOOLONG;
	}
	return r;
}

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* The one step: between two documents policies/ is one or the other. */
static int exchange(const struct force *f, const char *next)
{
	if (renameat2(AT_FDCWD, next, AT_FDCWD, f->policies, RENAME_EXCHANGE) < 0)
		return -errno;
	return sync_folder(f->instance.dir);
}

/* Everything that lint and the examples say, before anything is touched. */
static int prove(const char *next, struct policy_checked *checked)
{
	int r = policy_check_test(next, stderr, checked);

	if (r == 0 && checked->faults)
		r = -EINVAL;
	return r;
}

static int change(const struct force *f, const struct bundle *b, const char *from,
	const struct consent *consent, const char *act, const char *next)
{
	int r = keep(f, b, from, consent);

	if (r == 0)
		r = mark_stop(f, b->version, act);
	return r == 0 ? exchange(f, next) : r;
}

int force_use(struct force *f, const struct bundle *b, const char *from,
	const struct consent *consent, const char *act)
{
	struct policy_checked checked;
	char next[PATH_MAX];
	int settled, r = join(f->instance.dir, "policies.next", next);

	tree_remove(next);
	if (r == 0)
		r = bundle_extract(b, next);
	if (r == 0)
		r = prove(next, &checked);
	if (r == 0)
		r = keep_first(f);
	if (r == 0)
		r = settle_begin(f, b, checked.digest, consent, act);
	if (r < 0) {
		tree_remove(next);
		return complain(r, "the policy in force stays");
	}
	r = change(f, b, from, consent, act, next);
	settled = settle_finish(f);
	tree_remove(next);
	if (settled < 0)
		return complain(settled,
			"what became of it is written down with the next command");
	if (settled == 0)
		return complain(r < 0 ? r : -EIO, "the policy in force stays");
	printf("version %" PRIu64 " in force; policy digest %s\n", b->version,
		checked.digest);
	return 0;
}
