/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/replay/replay_orders.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/id.h"
#include "common/json.h"
#include "ctl/bundle/policy_piece.h"
#include "ctl/command.h"
#include "ctl/instance/unit_order.h"
#include "web/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int replay_place(const char *name, char ret_path[PATH_MAX])
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	int n = dir ? snprintf(ret_path, PATH_MAX, "%s/" REPLAY_ORDERS "%s%s", dir,
			      *name ? "/" : "", name)
		    : PATH_MAX;

	return n >= PATH_MAX ? (dir ? -ENAMETOOLONG : -EINVAL) : 0;
}

/* Who orders and who carries out may be two users, both of whom the folder lets in. */
static int open_lock(void)
{
	char path[PATH_MAX];
	int fd, r = replay_place("lock", path);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return -errno;
	(void)fchmod(fd, 0666); /* of another's, it is so already */
	return fd;
}

static struct flock octet_of(enum replay_lock which)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = which, .l_len = 1
	};
}

int replay_take(enum replay_lock which, bool wait)
{
	struct flock lock = octet_of(which);
	int fd = open_lock(), r;

	if (fd < 0)
		return fd;
	while ((r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock)) < 0 &&
		errno == EINTR)
		;
	if (r == 0)
		return fd;
	r = errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
	close(fd);
	return r;
}

bool replay_runs(void)
{
	struct flock lock = octet_of(REPLAY_CARRIES);
	_cleanup_(closep) int fd = open_lock();

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int make_folder(void)
{
	char path[PATH_MAX];
	int r = replay_place("", path);

	return r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : r;
}

static int put(const char *name, struct span octets)
{
	char path[PATH_MAX];
	int r = replay_place(name, path);

	return r == 0 ? durable_write(path, octets, 0644) : r;
}

/* The policy first: an order is whole. One that nobody has begun gives way. */
static int write_order(const json_t *order, struct span bundle)
{
	_cleanup_(freep) char *text = json_canonical(order);
	char stop[PATH_MAX];
	int r = replay_place("stop", stop);

	if (r == 0 && !text)
		r = -ENOMEM;
	if (r == 0 && unlink(stop) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && bundle.len)
		r = put("bundle", bundle);
	return r == 0 ? put("order", span_str(text)) : r;
}

static int place_order(const json_t *order, struct span bundle)
{
	_cleanup_(closep) int lock = -1;
	int r = make_folder();

	if (r < 0)
		return r;
	lock = replay_take(REPLAY_ORDERS_ONE, true);
	if (lock < 0)
		return lock;
	if (replay_runs())
		return -EBUSY;
	r = write_order(order, bundle);
	return r == 0 ? unit_order("sealgate-replay.service", "replay") : r;
}

static int order(json_t *order_of, struct span bundle)
{
	_cleanup_json_ json_t *what = order_of;
	int r = what ? place_order(what, bundle) : -ENOMEM;

	if (r < 0) {
		command_fault(
			"%s", r == -EBUSY ? "one runs: replay status says how far it is, "
					    "replay stop ends it"
					  : strerror(-r));
		return r == -EBUSY ? EXIT_NOT_PASSED : EXIT_INTERNAL;
	}
	printf("{\"ordered\":\"%s\"}\n", json_string_of(what, "id"));
	return EXIT_CLEAN;
}

/* What every order has. Return: a new reference or NULL. */
static json_t *new_order(const char *kind, const struct replay_options *o)
{
	const char *person = getenv(REMOTE_PERSON);
	char id[DOCUMENT_ID_SIZE];

	if (id_new(id) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "id", id, "kind", kind, "by",
		json_text(person ? person : ""), "at", json_time(clock_now()), "since",
		json_time(o->since), "limit", (json_int_t)o->limit);
}

int replay_order_policy(const struct replay_options *o, const char *name)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	char sha256[SHA256_TEXT_SIZE];
	json_t *what;
	size_t len = 0;

	if (policy_piece_read(name, &octets, &len) < 0)
		return EXIT_NOT_PASSED;
	if (digest_sha256_text(span_of(octets, len), sha256) < 0)
		return EXIT_INTERNAL;
	what = new_order(REPLAY_POLICY, o);
	if (what) {
		json_object_set_new(what, "bundle", json_text(name));
		json_object_set_new(what, "sha256", json_text(sha256));
	}
	if (what && o->partner)
		json_object_set_new(what, "partner", json_text(o->partner));
	return order(what, span_of(octets, len));
}

int replay_order_lists(const struct replay_options *o, int64_t before, int64_t after)
{
	json_t *what = new_order(REPLAY_LISTS, o);

	if (what) {
		json_object_set_new(what, "before", json_time(before));
		json_object_set_new(what, "after", json_time(after));
	}
	return order(what, (struct span){ 0 });
}
