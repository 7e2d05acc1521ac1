/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_orders.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/log.h"
#include "ctl/appliance/appliance.h"
#include "ctl/backup/backup_pieces.h"
#include "ctl/backup/backup_postgresql.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/command.h"
#include "ctl/instance/unit_order.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNIT "sealgate-backup.service"
#define LEAVES (256LL << 20) /* octets that stay free for the ledger */
#define WHY_MAX 1024u
#define PIECE_LINE 96 /* octets */
#define PIECES_HOLD                                                                      \
	((long long)(BACKUP_SEALED_LIST_MAX - 65536) / PIECE_LINE * BACKUP_PIECE_MAX)

int backup_place(const char *name, char ret_path[PATH_MAX])
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	int n = dir ? snprintf(ret_path, PATH_MAX, "%s/" BACKUP_ORDERS "%s%s", dir,
			      *name ? "/" : "", name)
		    : PATH_MAX;

	return n >= PATH_MAX ? (dir ? -ENAMETOOLONG : -EINVAL) : 0;
}

static int policies(char ret_path[PATH_MAX])
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	int n = dir ? snprintf(ret_path, PATH_MAX, "%s/policies", dir) : PATH_MAX;

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* The lock of whoever makes one, which ends with the process. Who makes it and who asks
 * have the group of the folder in common. Return: a descriptor. */
static int open_lock(void)
{
	char path[PATH_MAX];
	int fd, r = backup_place("lock", path);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return -errno;
	(void)fchmod(fd, 0660); /* of another's, it is so already */
	return fd;
}

bool backup_is_made(void)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_(closep) int fd = open_lock();

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK;
}

static int write_text(const char *name, const char *text)
{
	char path[PATH_MAX];
	int r = backup_place(name, path);

	return r < 0 ? r : durable_write(path, span_str(text), 0600);
}

static int remove_one(const char *name)
{
	char path[PATH_MAX];
	int r = backup_place(name, path);

	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int backup_order(char **ret_error)
{
	_cleanup_(freep) char *list = NULL;
	STACK_OF(X509) *to = NULL;
	char path[PATH_MAX], at[CLOCK_TEXT_SIZE];
	int r = policies(path);

	*ret_error = NULL;
	if (r == 0)
		r = backup_recipients(path, clock_now(), &to, &list, ret_error);
	sk_X509_pop_free(to, X509_free);
	if (r == 0)
		r = backup_place("", path);
	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0 && backup_is_made())
		return appliance_fail(ret_error, -EBUSY, path, "one is being made");
	clock_format(clock_now(), at);
	if (r == 0)
		r = write_text("order", at);
	if (r == 0 && (r = unit_order(UNIT, "backup")) < 0)
		(void)remove_one("order");
	return r < 0 && !*ret_error ? appliance_fail(ret_error, r, path, strerror(-r))
				    : r;
}

/* A copy and its pieces, beside what has to stay free. How many pieces a database is
 * shows only when it is copied. Return: as backup_room_about(). */
static int fits(int folder, long long files, long long database)
{
	return files > PIECES_HOLD
		       ? -ENOSPC
		       : backup_room_about(folder, 2 * files + LEAVES, 2 * database);
}

/* Octets of a database that a server keeps. */
static int measure_database(const char *dir, long long *ret_size)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	int r = instance_open(dir, &i, &error);

	if (r < 0)
		return r;
	r = backup_database_size(&i, ret_size);
	instance_done(&i);
	return r == -EEXIST ? -EIO : r;
}

int backup_leave_room(
	const char *dir, int folder, long long database, struct backup_bounds *ret)
{
	static const struct backup_share share = BACKUP_SHARE;
	int r;

	do {
		long long size;

		r = backup_measure(dir, &share, ret->without_archive, &size);
		if (r == 0)
			r = fits(folder, size, database);
	} while (r == -ENOSPC && !ret->without_archive && (ret->without_archive = true));
	return r;
}

/* Return: as backup_leave_room(). */
static int leave_room(struct backup_bounds *ret)
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	_cleanup_(closep) int folder = -1;
	char orders[PATH_MAX];
	long long database = 0;
	int r = dir ? backup_place("", orders) : -EINVAL;

	if (r == 0)
		r = measure_database(dir, &database);
	if (r < 0)
		return r;
	folder = open(orders, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	ret->leaves = LEAVES;
	r = backup_leave_room(dir, folder, database, ret);
	if (r > 0)
		log_event(LOG_WARNING, "backup.tight", NULL,
			"the database's rows take %lld MB: there may not be room%s",
			database / 1000000 + 1,
			ret->without_archive ? "" : " for all with state/archive");
	return r;
}

/* A line for each piece, in their order. */
static int list_pieces(const char *folder, struct buf *list)
{
	for (unsigned long number = 0;; number++) {
		_cleanup_(freep) uint8_t *octets = NULL;
		char path[PATH_MAX], sha256[SHA256_TEXT_SIZE];
		size_t len = 0;
		int r = snprintf(path, sizeof(path), "%s/" BACKUP_PIECE_FILE, folder,
				number) < PATH_MAX
				? file_read(path, 2 * BACKUP_PIECE_MAX, &octets, &len)
				: -ENAMETOOLONG;

		if (r == -ENOENT && number > 0)
			return list->error;
		if (r == 0)
			r = digest_sha256_text(span_of(octets, len), sha256);
		if (r < 0)
			return r;
		buf_addf(list, "%s %zu " BACKUP_PIECE_FILE "\n", sha256, len, number);
	}
}

static int write_list(const char *folder, const struct backup_bounds *bounds,
	const char *mark, const char *to)
{
	_cleanup_buf_ struct buf list;
	char path[PATH_MAX], at[CLOCK_TEXT_SIZE];
	int r;

	buf_init(&list, BACKUP_SEALED_LIST_MAX);
	clock_format(clock_now(), at);
	buf_addf(&list, BACKUP_LIST_HEAD "%s\nat %s\n%s%s", mark, at,
		bounds->without_archive ? BACKUP_WITHOUT : "", to);
	r = list_pieces(folder, &list);
	if (r < 0)
		return r;
	if (snprintf(path, sizeof(path), "%s/" BACKUP_SEALED_LIST, folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	return durable_write(path, buf_span(&list), 0600);
}

/* Of one that was cut short. */
static void remove_begun(void)
{
	static const char *const BEGUN[] = { "work", "sealing" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(BEGUN) / sizeof(BEGUN[0]); i++)
		if (backup_place(BEGUN[i], path) == 0)
			tree_remove(path);
}

/* In one step: the one before it goes only now. */
static int put_in_place(const char *sealing, const char *sealed)
{
	int r = renameat2(AT_FDCWD, sealing, AT_FDCWD, sealed, RENAME_EXCHANGE);

	if (r < 0 && errno == ENOENT)
		r = rename(sealing, sealed);
	if (r < 0)
		return -errno;
	tree_remove(sealing);
	return 0;
}

static int seal(const char *work, const struct backup_bounds *bounds, STACK_OF(X509) * to,
	const char *list, char **ret_error)
{
	_cleanup_(freep) char *mark = NULL;
	char sealing[PATH_MAX], sealed[PATH_MAX];
	int r = backup_place("sealing", sealing);

	if (r == 0)
		r = backup_place("sealed", sealed);
	if (r < 0)
		return r;
	r = backup_copy(work, bounds, &mark);
	if (r == -ENOSPC)
		return appliance_fail(ret_error, r, "the copy", strerror(ENOSPC));
	if (r != EXIT_CLEAN)
		return appliance_fail(ret_error, -EIO, "the copy",
			"could not be made; the log of " UNIT " says why");
	r = backup_seal(work, sealing, to, LEAVES);
	if (r == -EKEYREJECTED)
		return appliance_fail(ret_error, r, BACKUP_RECIPIENTS,
			"nothing can be encrypted for one of these certificates");
	if (r == 0)
		r = write_list(sealing, bounds, mark, list);
	return r == 0 ? put_in_place(sealing, sealed) : r;
}

bool backup_is_made_again(int error, int room, const struct backup_bounds *bounds)
{
	return (error == -ENOSPC || error == -EFBIG) && room > 0 &&
	       !bounds->without_archive;
}

/* Where it may not fit it is begun, and again without the archive when it does not. */
static int seal_what_fits(
	const char *work, STACK_OF(X509) * to, const char *list, char **ret_error)
{
	struct backup_bounds bounds = { 0 };

	for (;;) {
		int r, room = leave_room(&bounds);

		if (room == -ENOSPC)
			return appliance_fail(ret_error, room, BACKUP_ORDERS,
				"there is no room for a copy and its pieces beside what "
				"has to stay free");
		r = room < 0 ? room : seal(work, &bounds, to, list, ret_error);
		if (!backup_is_made_again(r, room, &bounds))
			return r;
		remove_begun();
		freep(ret_error);
		*ret_error = NULL;
		bounds.without_archive = true;
	}
}

static int make(char **ret_error)
{
	_cleanup_(freep) char *list = NULL;
	STACK_OF(X509) *to = NULL;
	char path[PATH_MAX], work[PATH_MAX];
	int r = policies(path);

	if (r == 0)
		r = backup_place("work", work);
	if (r == 0)
		r = backup_recipients(path, clock_now(), &to, &list, ret_error);
	if (r == 0)
		r = seal_what_fits(work, to, list, ret_error);
	sk_X509_pop_free(to, X509_free);
	return r;
}

static int note_failure(const char *why)
{
	char text[WHY_MAX], at[CLOCK_TEXT_SIZE];

	clock_format(clock_now(), at);
	(void)snprintf(text, sizeof(text), "%s %s", at, why);
	return write_text("failed", text);
}

/* That it failed is written first: where the power goes, it did. */
static int make_ordered(void)
{
	_cleanup_(freep) char *error = NULL;
	int r = note_failure("it was cut short");

	if (r == 0)
		r = remove_one("order");
	if (r == 0)
		r = make(&error);
	remove_begun();
	if (r == 0) {
		log_event(LOG_NOTICE, "backup.made", NULL, "an ordered backup is ready");
		return remove_one("failed");
	}
	log_event(LOG_ERR, "backup.failed", NULL, "%s", error ? error : strerror(-r));
	(void)note_failure(error ? error : strerror(-r));
	return r;
}

/* By who has the lock. */
static void tidy(void)
{
	remove_begun();
	if (backup_expire(clock_now() - BACKUP_KEPT_S) > 0)
		log_event(LOG_NOTICE, "backup.gone", NULL,
			"a backup that nobody discarded was too old and is removed");
}

void backup_tidy(void)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_(closep) int lock = open_lock();

	if (lock >= 0 && fcntl(lock, F_OFD_SETLK, &all) == 0)
		tidy();
}

int backup_carry_out(void)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char order[PATH_MAX];
	int r = backup_place("order", order);
	_cleanup_(closep) int lock = r < 0 ? r : open_lock();

	if (lock < 0)
		return lock == -ENOENT ? 1 : lock;
	while ((r = fcntl(lock, F_OFD_SETLKW, &all)) < 0 && errno == EINTR)
		;
	if (r < 0)
		return -errno;
	tidy();
	return access(order, F_OK) < 0 ? 1 : make_ordered();
}
