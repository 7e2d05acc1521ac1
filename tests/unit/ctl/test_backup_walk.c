/* SPDX-License-Identifier: EUPL-1.2 */
/* Copying an instance whose programs are against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "common/log.h"
#include "ctl/backup_pieces.h"
#include "ctl/backup_tree.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 100
#define SHARE 65536
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

static int copy(long long leaves, struct buf *list)
{
	char instance[PATH_MAX], files[PATH_MAX];
	struct backup_tree t = { .instance = instance,
		.files = files,
		.list = list,
		.leaves = leaves,
		.share = SHARE };

	buf_init(list, BACKUP_LIST_MAX);
	path_of("i", instance);
	path_of("files", files);
	tree_remove(files);
	assert_int_equal(mkdir(files, 0700), 0);
	return backup_add_all(&t);
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
		_cleanup_buf_ struct buf list;

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
	_cleanup_buf_ struct buf list;
	char path[PATH_MAX];
	long long size;

	(void)state;
	make_file("i/state/seal/two\nlines", "x");
	make_file("i/state/seal/holes", "x");
	path_of("i/state/seal/holes", path);
	assert_int_equal(truncate(path, (off_t)4 << 40), 0);
	path_of("i/state/seal/pipe", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	make_folder("i/state/handshakes");
	make_file("i/state/handshakes/a", "x");
	assert_int_equal(copy(0, &list), 0);
	assert_true(is_there("files/state/seal/d/a"));
	assert_true(is_there("files/state/handshakes"));
	assert_false(is_there("files/state/handshakes/a"));
	assert_false(is_there("files/state/seal/holes"));
	assert_false(is_there("files/state/seal/pipe"));
	assert_false(is_there("files/state/seal/two\nlines"));
	assert_null(strstr(list.data, "lines"));
	path_of("i", path);
	assert_int_equal(backup_measure(path, &size), 0);
	assert_int_equal(size, 4);
}

/* Lines without end of one program leave room for those of the others. */
static void each_folder_has_its_share(void **state)
{
	_cleanup_buf_ struct buf list;
	char long_name[240], path[PATH_MAX], name[PATH_MAX] = "i/state/seal";

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (size_t n = 0; n < 4; n++) {
		size_t len = strlen(name);

		(void)snprintf(name + len, sizeof(name) - len, "/%s", long_name);
		make_folder(name);
	}
	for (unsigned int n = 0; n < 100; n++) {
		assert_true(snprintf(path, sizeof(path), "%s/%s/%u", folder, name, n) <
			    PATH_MAX);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	make_folder("i/state/another");
	make_file("i/state/another/count", "kept");
	assert_int_equal(copy(0, &list), 0);
	assert_true(is_there("files/state/another/count"));
	assert_in_range(list.len, SHARE, SHARE + 8192);
}

static void it_stops_before_the_disk_is_full(void **state)
{
	_cleanup_buf_ struct buf list;
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
		cmocka_unit_test_setup_teardown(it_stops_before_the_disk_is_full,
			with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			as_much_as_there_was, with_instance, without_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
