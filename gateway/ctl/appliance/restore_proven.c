/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/restore_proven.h"

#include "common/cleanup.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/restore_paths.h"
#include "ctl/backup/backup_tree.h"

#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS 16

DEFINE_CLEANUP(FILE *, fclose)

static int digest_is(int fd, const char *hex, long long size)
{
	char found[SHA256_TEXT_SIZE];
	off_t len = 0;
	int r = backup_copy_octets(fd, -1, LLONG_MAX, 0, found, &len);

	if (r < 0)
		return r;
	return len == size && strcmp(found, hex) == 0 ? 0 : -EBADMSG;
}

int restore_proven_list(const struct restore_places *p, const char *new, FILE **ret_list,
	char ret_serial[SWAP_SERIAL_MAX + 1], char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_(fclosep) FILE *list = NULL;
	char path[PATH_MAX];
	int r;

	free(*ret_error);
	r = manifest_open(new, "restore", p->anchor, &m, ret_error);
	if (r < 0)
		return r;
	r = restore_path(new, BACKUP_LIST, path);
	if (r == 0 && (m.count != 1 || strcmp(m.files[0].path, BACKUP_LIST) != 0 ||
			      strlen(m.serial) > SWAP_SERIAL_MAX))
		r = -EBADMSG;
	list = r == 0 ? fopen(path, "re") : NULL;
	if (r == 0)
		r = list ? digest_is(fileno(list), m.files[0].sha256, m.files[0].size)
			 : -errno;
	if (r == 0 && lseek(fileno(list), 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return restore_fail(ret_error, r, BACKUP_LIST,
			r == -EBADMSG ? "is not the one that was signed" : strerror(-r));
	(void)snprintf(ret_serial, SWAP_SERIAL_MAX + 1, "%s", m.serial);
	*ret_list = TAKE(list);
	return 0;
}

int restore_proven_file(int fd, const struct backup_line *l)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ELOOP;
	if (S_ISDIR(st.st_mode) != backup_list_folder(l))
		return -EBADMSG;
	return S_ISDIR(st.st_mode) ? 0 : digest_is(fd, l->hex, (long long)l->size);
}

static size_t counted;

static int count_one(
	const char *path, const struct stat *st, int type, struct FTW *position)
{
	(void)path;
	(void)st;
	(void)type;
	(void)position;
	counted++;
	return 0;
}

int restore_count(const char *new, size_t *ret_count)
{
	char path[PATH_MAX];
	int r = restore_path(new, "state", path);

	counted = 0;
	if (r == 0 && nftw(path, count_one, DESCRIPTORS, FTW_PHYS | FTW_MOUNT) < 0)
		r = -errno;
	*ret_count = counted;
	return r;
}
