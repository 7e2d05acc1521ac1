/* SPDX-License-Identifier: EUPL-1.2 */
/* Copying an instance whose programs are against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/log.h"
#include "ctl/backup/backup_pieces.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 100
#define SHARE 65536
#define HOLES (4 << 20)
#define ROOM 65536 /* of the folders, and what is small */
#define HAS_TO_BREAK_MS 10000
#define NO_DISK_HAS (1LL << 60)

static char folder[] = "/tmp/sealgate-walk-XXXXXX";

static void path_of(const char *name, char ret[PATH_MAX])
{
	assert_true(snprintf(ret, PATH_MAX, "%s/%s", folder, name) < PATH_MAX);
}

static void make_folder(const char *name)
{
	char path[PATH_MAX];

	path_of(name, path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_file(const char *name, const char *text)
{
	char path[PATH_MAX];

	path_of(name, path);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static bool is_there(const char *name)
{
	char path[PATH_MAX];

	path_of(name, path);
	return access(path, F_OK) == 0;
}

static int with_instance(void **state)
{
	(void)state;
	log_open("test");
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	if (!mkdtemp(folder))
		return -1;
	make_folder("i");
	make_folder("i/state");
	make_folder("i/state/seal");
	make_folder("i/state/seal/d");
	make_file("i/state/seal/d/a", "kept");
	make_folder("secret");
	make_file("secret/a", "foreign");
	return 0;
}

static int without_instance(void **state)
{
	(void)state;
	tree_remove(folder);
	return 0;
}

static const struct backup_share share = { .lines = SHARE, .holes = HOLES };

/* The caller frees *ret_list. */
static int copy_with(struct backup_tree t, char **ret_list)
{
	char instance[PATH_MAX], files[PATH_MAX];
	size_t len;
	int r;

	path_of("i", instance);
	path_of("files", files);
	t.instance = instance;
	t.files = files;
	t.share = share;
	t.list = open_memstream(ret_list, &len);
	assert_non_null(t.list);
	tree_remove(files);
	assert_int_equal(mkdir(files, 0700), 0);
	r = backup_add_all(&t);
	assert_int_equal(fclose(t.list), 0);
	return r;
}

static int copy(long long leaves, char **ret_list)
{
	return copy_with((struct backup_tree){ .leaves = leaves }, ret_list);
}

static long long measure(bool without_archive)
{
	char path[PATH_MAX];
	long long size;

	path_of("i", path);
	assert_int_equal(backup_measure(path, &share, without_archive, &size), 0);
	return size;
}

struct churn {
	char folder[PATH_MAX], link[PATH_MAX], file[PATH_MAX];
	atomic_bool over;
};

/* The folder is a link, and is not; a file is there, and is not. */
static void *keep_changing(void *data)
{
	struct churn *c = data;

	while (!atomic_load(&c->over)) {
		int fd = open(c->file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		if (fd >= 0)
			close(fd);
		(void)renameat2(AT_FDCWD, c->folder, AT_FDCWD, c->link, RENAME_EXCHANGE);
		(void)unlink(c->file);
	}
	return NULL;
}

static void nothing_is_followed_out(void **state)
{
	struct churn c = { .over = false };
	char secret[PATH_MAX], copied[PATH_MAX];
	int kept = 0, wrong = 0, failed = 0;
	pthread_t thread;

	(void)state;
	path_of("i/state/seal/d", c.folder);
	path_of("i/state/seal/l", c.link);
	path_of("i/state/seal/f", c.file);
	path_of("secret", secret);
	assert_int_equal(symlink(secret, c.link), 0);
	assert_int_equal(pthread_create(&thread, NULL, keep_changing, &c), 0);
	for (int i = 0; i < ROUNDS; i++) {
		_cleanup_(freep) char *list = NULL;

		failed += copy(0, &list) != 0;
		for (int n = 0; n < 2; n++) {
			_cleanup_(freep) uint8_t *text = NULL;
			size_t len;

			path_of(n ? "files/state/seal/l/a" : "files/state/seal/d/a",
				copied);
			if (file_read(copied, 100, &text, &len) < 0)
				continue;
			kept += strcmp((char *)text, "kept") == 0;
			wrong += strcmp((char *)text, "kept") != 0;
		}
	}
	atomic_store(&c.over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(failed, 0);
	assert_true(kept > 0);
}

static void what_would_stop_it_is_left_out(void **state)
{
	_cleanup_(freep) char *list = NULL;
	char path[PATH_MAX];

	(void)state;
	make_file("i/state/seal/two\nlines", "x");
	make_file("i/state/seal/holes", "x");
	path_of("i/state/seal/holes", path);
	assert_int_equal(truncate(path, (off_t)4 << 40), 0);
	path_of("i/state/seal/pipe", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	make_folder("i/state/policy");
	make_folder("i/state/policy/coming");
	make_file("i/state/policy/coming/a", "x");
	make_folder("i/state/policy/taken");
	make_folder("i/state/handshakes");
	make_file("i/state/handshakes/a", "x");
	assert_int_equal(copy(0, &list), 0);
	assert_true(is_there("files/state/seal/d/a"));
	assert_true(is_there("files/state/handshakes"));
	assert_false(is_there("files/state/handshakes/a"));
	assert_false(is_there("files/state/seal/holes"));
	assert_false(is_there("files/state/seal/pipe"));
	assert_false(is_there("files/state/seal/two\nlines"));
	assert_true(is_there("files/state/policy"));
	assert_false(is_there("files/state/policy/coming"));
	assert_false(is_there("files/state/policy/taken"));
	assert_null(strstr(list, "lines"));
	assert_in_range(measure(false), 4096, ROOM);
}

static void make_sized(const char *name, off_t size)
{
	char path[PATH_MAX];

	make_file(name, "x");
	path_of(name, path);
	assert_int_equal(truncate(path, size), 0);
}

/* Of which each is small, or has octets enough; a name more costs a program nothing. */
static void holes_have_an_end(void **state)
{
	_cleanup_(freep) char *list = NULL, *again = NULL;
	static char octets[1 << 20];
	char path[PATH_MAX], name[PATH_MAX];
	int copied = 0;

	(void)state;
	make_folder("i/state/another");
	make_file("i/state/another/count", "kept");
	make_sized("i/state/another/share", 3 << 20);
	for (int n = 0; n < 100; n++) {
		(void)snprintf(name, sizeof(name), "i/state/seal/%d", n);
		make_sized(name, 1 << 20);
	}
	assert_int_equal(copy(0, &list), 0);
	for (int n = 0; n < 100; n++) {
		(void)snprintf(name, sizeof(name), "files/state/seal/%d", n);
		copied += is_there(name);
	}
	assert_in_range(copied, 3, 4);
	assert_true(is_there("files/state/another/count"));
	assert_true(is_there("files/state/another/share"));
	copied += 3;
	assert_in_range(measure(false), copied << 20, (copied << 20) + ROOM);

	path_of("i/state/another/share", path);
	assert_int_equal(unlink(path), 0);
	path_of("i/state/seal", path);
	tree_remove(path);
	make_folder("i/state/seal");
	memset(octets, 'x', sizeof(octets) - 1);
	make_file("i/state/another/1", octets);
	path_of("i/state/another/1", path);
	for (int n = 0; n < 100; n++) {
		char other[PATH_MAX];

		(void)snprintf(name, sizeof(name), "i/state/another/n%d", n);
		path_of(name, other);
		assert_int_equal(link(path, other), 0);
	}
	assert_int_equal(copy(0, &again), 0);
	assert_in_range(measure(false), 3 << 20, (4 << 20) + ROOM);
}

/* Kept shut as a program can keep its own files: a lease that it does not give back. */
static int lease(const char *name)
{
	char path[PATH_MAX];
	int fd;

	path_of(name, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(signal(SIGIO, SIG_IGN) != SIG_ERR);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	return fd;
}

static void a_lease_keeps_one_file_out(void **state)
{
	_cleanup_(freep) char *list = NULL;
	int fd;

	(void)state;
	make_file("i/state/seal/shut", "x");
	fd = lease("i/state/seal/shut");
	assert_int_equal(copy(0, &list), 0);
	close(fd);
	assert_false(is_there("files/state/seal/shut"));
	assert_null(strstr(list, "shut"));
	assert_true(is_there("files/state/seal/d/a"));
}

/* Gives back what is asked for. */
static void *give_back(void *data)
{
	const int *fd = data;

	while (fcntl(*fd, F_GETLEASE) == F_WRLCK)
		sched_yield();
	(void)fcntl(*fd, F_SETLEASE, F_UNLCK);
	return NULL;
}

static void what_has_to_be_there_is_waited_for(void **state)
{
	static const char *const NAMES[] = { "state/signer/count.log",
		"policies/partners.cfg" };

	(void)state;
	make_folder("i/state/signer");
	make_folder("i/policies");
	for (size_t n = 0; n < 2; n++) {
		_cleanup_(freep) char *list = NULL, *again = NULL;
		char name[64], copied[64];
		pthread_t thread;
		int fd;

		(void)snprintf(name, sizeof(name), "i/%s", NAMES[n]);
		(void)snprintf(copied, sizeof(copied), "files/%s", NAMES[n]);
		make_file(name, "x");
		fd = lease(name);
		assert_int_equal(
			copy_with((struct backup_tree){ .patience = 200 }, &list),
			-EAGAIN);
		close(fd);
		fd = lease(name);
		assert_int_equal(pthread_create(&thread, NULL, give_back, &fd), 0);
		assert_int_equal(
			copy_with((struct backup_tree){ .patience = HAS_TO_BREAK_MS },
				&again),
			0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		close(fd);
		assert_true(is_there(copied));
	}
}

/* A signer without its count would begin anew. */
static void no_backup_without_the_count(void **state)
{
	_cleanup_(freep) char *list = NULL;
	char path[PATH_MAX];

	(void)state;
	make_folder("i/state/signer");
	path_of("i/state/signer/count.log", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(copy(0, &list), -EINVAL);
}

/* So many folders below one that each line is long. */
static void make_many(const char *below, unsigned int many)
{
	char long_name[240], path[PATH_MAX], name[PATH_MAX];

	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	(void)snprintf(name, sizeof(name), "%s", below);
	for (size_t n = 0; n < 4; n++) {
		size_t len = strlen(name);

		(void)snprintf(name + len, sizeof(name) - len, "/%s", long_name);
		make_folder(name);
	}
	for (unsigned int n = 0; n < many; n++) {
		assert_true(snprintf(path, sizeof(path), "%s/%u", name, n) < PATH_MAX);
		make_sized(path, 1000);
	}
}

/* Lines without end of one program leave room for those of the others; what is not copied
 * needs no room. */
static void each_folder_has_its_share(void **state)
{
	_cleanup_(freep) char *list = NULL;

	(void)state;
	make_many("i/state/seal", 100);
	make_folder("i/state/another");
	make_file("i/state/another/count", "kept");
	assert_int_equal(copy(0, &list), 0);
	assert_true(is_there("files/state/another/count"));
	assert_in_range(strlen(list), SHARE / 2, SHARE + 8192);
	assert_in_range(measure(false), 50 * 4096, 90 * 4096);
}

/* It is there as a whole, whatever a program's share is, or not at all. */
static void the_archive_has_no_share(void **state)
{
	_cleanup_(freep) char *list = NULL, *without = NULL;

	(void)state;
	make_folder("i/state/archive");
	make_many("i/state/archive", 200);
	assert_int_equal(copy(0, &list), 0);
	assert_in_range(strlen(list), 200 * 960, 400 * 960);
	assert_in_range(measure(false) - measure(true), 200 * 5000, 200 * 5400);
	assert_int_equal(
		copy_with((struct backup_tree){ .without_archive = true }, &without), 0);
	assert_in_range(measure(true), 4096, ROOM);
	assert_non_null(strstr(without, " state/archive\n"));
	assert_null(strstr(without, "state/archive/"));
	assert_true(is_there("files/state/archive"));
	assert_true(is_there("files/state/seal/d/a"));
}

static void it_stops_before_the_disk_is_full(void **state)
{
	_cleanup_(freep) char *list = NULL;
	char from[PATH_MAX], out[PATH_MAX];

	(void)state;
	assert_int_equal(copy(NO_DISK_HAS, &list), -ENOSPC);
	path_of("i", from);
	path_of("out", out);
	assert_int_equal(backup_seal(from, out, NULL, NO_DISK_HAS), -ENOSPC);
	assert_false(is_there("out"));
}

/* What grows after it was looked at. */
static void as_much_as_there_was(void **state)
{
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE], same[SHA256_TEXT_SIZE];
	off_t size;
	int fd;

	(void)state;
	make_file("log", "one line, and then another");
	path_of("log", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(backup_copy_octets(fd, -1, 8, 0, hex, &size), 0);
	close(fd);
	assert_int_equal(size, 8);
	assert_int_equal(digest_sha256_text(span_str("one line"), same), 0);
	assert_string_equal(hex, same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			nothing_is_followed_out, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			what_would_stop_it_is_left_out, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			each_folder_has_its_share, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			holes_have_an_end, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			a_lease_keeps_one_file_out, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(what_has_to_be_there_is_waited_for,
			with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			no_backup_without_the_count, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			the_archive_has_no_share, with_instance, without_instance),
		cmocka_unit_test_setup_teardown(it_stops_before_the_disk_is_full,
			with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			as_much_as_there_was, with_instance, without_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
