/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A backup, the medium that is made of it and a machine that has nothing yet, for tests;
 * never with octets of a real ledger.
 */
#ifndef SEALGATE_TESTS_CTL_RESTORE_SCENE_H
#define SEALGATE_TESTS_CTL_RESTORE_SCENE_H

#include "common/digest.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/restore.h"
#include "ctl/backup/backup_medium.h"
#include "queue/client.h"
#include "queue/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signed_folder.h"

#define MARK "12:00ff"
#define PIECE 4096
#define DATABASE "state/queue/queue.db"
#define DATABASE_SIZE 100000u
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

struct restore_scene {
	char dir[40], medium[64], anchor[64], folder[64], instance[64], work[64];
	struct restore_places places;
	struct signer ours, foreign;
	char *list;
	size_t len;
	FILE *lines;
};

static inline const char *at(const struct restore_scene *s, const char *name)
{
	static char path[2][PATH_MAX];
	static int which;
	char *ret = path[which ^= 1];

	assert_true(snprintf(ret, PATH_MAX, "%s/%s", s->dir, name) < PATH_MAX);
	return ret;
}

static inline const char *in_backup(const struct restore_scene *s, const char *name)
{
	static char path[PATH_MAX];

	assert_true(
		snprintf(path, PATH_MAX, "%s/backup/files/%s", s->dir, name) < PATH_MAX);
	return path;
}

static inline void put(const char *path, const void *octets, size_t len)
{
	assert_int_equal(durable_write(path, span_of(octets, len), 0600), 0);
}

static inline void folder_of(struct restore_scene *s, const char *name, unsigned mode)
{
	fprintf(s->lines, "- %o %u %u 0 %s\n", mode, getuid(), getgid(), name);
	assert_int_equal(mkdir(in_backup(s, name), 0700), 0);
}

static inline void file_of(
	struct restore_scene *s, const char *name, const void *octets, size_t len)
{
	char hex[SHA256_TEXT_SIZE];

	assert_int_equal(digest_sha256_text(span_of(octets, len), hex), 0);
	fprintf(s->lines, "%s %o %u %u %zu %s\n", hex, 0640, getuid(), getgid(), len,
		name);
	put(in_backup(s, name), octets, len);
}

static inline void database_of(struct restore_scene *s, const char *head, int layout)
{
	static uint8_t octets[DATABASE_SIZE];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	memcpy(octets, head, strlen(head) + 1);
	for (int i = 0; i < 4; i++)
		octets[60 + i] = (uint8_t)((unsigned)layout >> (24 - 8 * i));
	file_of(s, DATABASE, octets, sizeof(octets));
}

static inline void begin_backup(struct restore_scene *s)
{
	assert_int_equal(mkdir(at(s, "backup"), 0700), 0);
	assert_int_equal(mkdir(at(s, "backup/files"), 0700), 0);
	s->lines = open_memstream(&s->list, &s->len);
	fprintf(s->lines, "sealgate-backup 1\nmark " MARK "\nat 2026-06-05T12:00:00Z\n");
}

static inline void end_backup(struct restore_scene *s)
{
	fclose(s->lines);
	put(at(s, "backup/backup"), s->list, s->len);
	free(s->list);
}

static inline void fill_backup(struct restore_scene *s)
{
	file_of(s, "sealgate.conf", "name", 4);
	folder_of(s, "state", 0755);
	folder_of(s, "state/signer", 0700);
	file_of(s, "state/signer/count.log", "1 sealed\n", 9);
	file_of(s, "state/signer/empty", "", 0);
	folder_of(s, "state/queue", 0700);
	database_of(s, "SQLite format 3", layout_version());
	file_of(s, QUEUE_RESTORED_FILE, "3:aa", 4);
	file_of(s, "state/queue/head", MARK "\n", strlen(MARK) + 1);
}

/* List and signature of one folder of the medium; what: its line, or none. */
static inline void sign_folder(const struct restore_scene *s, const char *folder,
	const char *head, const struct signer *by, const char *listed)
{
	struct place p = { 0 };
	char text[512], hex[SHA256_TEXT_SIZE], path[PATH_MAX];
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len = 0;

	assert_true(snprintf(p.dir, sizeof(p.dir), "%s/%s", s->medium, folder) <
		    (int)sizeof(p.dir));
	(void)mkdir(p.dir, 0700);
	snprintf(text, sizeof(text), "sealgate-manifest 1 %s\n", head);
	if (listed) {
		snprintf(path, sizeof(path), "%s/%s", p.dir, listed);
		assert_int_equal(file_read(path, 1 << 20, &octets, &len), 0);
		assert_int_equal(digest_sha256_text(span_of(octets, len), hex), 0);
		snprintf(text, sizeof(text), "sealgate-manifest 1 %s\n%s %zu %s\n", head,
			hex, len, listed);
	}
	sign(&p, by, text);
}

static inline void make_medium(struct restore_scene *s)
{
	char *path = NULL;

	assert_int_equal(
		backup_medium(at(s, "backup"), at(s, "m/restore"), PIECE, &path), 0);
	sign_folder(s, "restore", "restore 7", &s->ours, "backup");
	sign_folder(s, "machine", "machine 7", &s->ours, NULL);
}

/* What the start of a machine without a configuration makes. */
static inline void make_machine(const struct restore_scene *s)
{
	static const char *const made[] = { "i", "i/state", "i/state/queue",
		"i/state/signer", "i/state/backup", "w", "w/restore", "m" };

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		assert_int_equal(mkdir(at(s, made[i]), 0700), 0);
}

static inline int setup(void **state)
{
	struct restore_scene *s = calloc(1, sizeof(*s));
	FILE *anchor;

	snprintf(s->dir, sizeof(s->dir), "/tmp/sealgate-restore-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->medium, sizeof(s->medium), "%s/m", s->dir);
	snprintf(s->anchor, sizeof(s->anchor), "%s/anchor.pem", s->dir);
	snprintf(s->folder, sizeof(s->folder), "%s/w/restore", s->dir);
	snprintf(s->instance, sizeof(s->instance), "%s/i", s->dir);
	snprintf(s->work, sizeof(s->work), "%s/w", s->dir);
	s->places = (struct restore_places){ s->medium, s->anchor, s->folder, s->instance,
		s->work };
	s->ours = make_signer("ours");
	s->foreign = make_signer("foreign");
	anchor = fopen(s->anchor, "w");
	assert_true(PEM_write_X509(anchor, s->ours.certificate) == 1);
	fclose(anchor);
	make_machine(s);
	begin_backup(s);
	*state = s;
	return 0;
}

static inline int teardown(void **state)
{
	struct restore_scene *s = *state;

	assert_int_equal(appliance_remove(s->dir), 0);
	EVP_PKEY_free(s->ours.key);
	X509_free(s->ours.certificate);
	EVP_PKEY_free(s->foreign.key);
	X509_free(s->foreign.certificate);
	free(s);
	return 0;
}

static inline bool is_there(const struct restore_scene *s, const char *name)
{
	return access(at(s, name), F_OK) == 0;
}

static inline void assert_file(
	const struct restore_scene *s, const char *name, const char *text)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len = 0;

	assert_int_equal(file_read(at(s, name), 1 << 20, &octets, &len), 0);
	assert_string_equal((char *)octets, text);
}

/* Taken from the medium; what is refused leaves nothing, and says what `says` has. */
static inline void takes(const struct restore_scene *s, int expected, const char *says)
{
	_cleanup_(freep) char *error = NULL;

	assert_int_equal(restore_take(&s->places, &error), expected);
	assert_true((expected < 0) == (error != NULL));
	if (says && !strstr(error, says))
		fail_msg("%s: without %s", error, says);
	if (expected < 0)
		assert_false(is_there(s, "w/restore/new"));
}

static inline int places(const struct restore_scene *s)
{
	_cleanup_(freep) char *error = NULL;

	return restore_place(&s->places, &error);
}

static inline bool is_begun(const struct restore_scene *s)
{
	bool ready;
	int r = restore_begun(&s->places, &ready);

	assert_in_range(r, 0, 1);
	return r == 1;
}

static inline int judges(const struct restore_scene *s)
{
	_cleanup_(freep) char *error = NULL;
	int r = restore_judge(&s->places, &error);

	assert_true((r < 0) == (error != NULL));
	return r;
}

static inline void assert_in_place(const struct restore_scene *s)
{
	struct stat st;

	assert_file(s, "i/state/signer/count.log", "1 sealed\n");
	assert_file(s, "i/state/signer/empty", "");
	assert_file(s, "i/" QUEUE_RESTORED_FILE, MARK);
	assert_file(s, "i/state/queue/head", MARK "\n");
	assert_int_equal(stat(at(s, "i/" DATABASE), &st), 0);
	assert_int_equal(st.st_size, DATABASE_SIZE);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(at(s, "i/state"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_false(is_there(s, "i/sealgate.conf"));
}

static inline void alter(const struct restore_scene *s, const char *name, off_t offset)
{
	int fd = open(at(s, name), O_RDWR | O_CLOEXEC);
	uint8_t octet;

	assert_int_equal(pread(fd, &octet, 1, offset), 1);
	octet ^= 1;
	assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
	close(fd);
}

#endif
