/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_tree.h"

#include "ctl/backup/backup_list.h"

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/encode.h"
#include "queue/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define BLOCK 65536
#define COMPRESSED_BY 8 /* at most: XML, with signatures in it */

int backup_room(int fd, long long leaves)
{
	struct statvfs s;

	if (leaves == 0)
		return 0;
	if (fstatvfs(fd, &s) < 0)
		return -errno;
	return (long long)s.f_bavail * (long long)s.f_frsize < leaves ? -ENOSPC : 0;
}

int backup_room_about(int fd, long long known, long long compressed)
{
	int r = backup_room(fd, known + compressed);

	if (r != -ENOSPC)
		return r;
	r = backup_room(fd, known + compressed / COMPRESSED_BY);
	return r < 0 ? r : 1;
}

static int copy_hashed(
	int from, int to, long long most, long long leaves, EVP_MD_CTX *md, off_t *ret)
{
	static uint8_t block[BLOCK];
	ssize_t n = 0;
	int r = 0;

	*ret = 0;
	while (r == 0 && *ret < most &&
		(n = read(from, block,
			 most - *ret < BLOCK ? (size_t)(most - *ret) : BLOCK)) > 0) {
		*ret += n;
		if (EVP_DigestUpdate(md, block, (size_t)n) != 1)
			return -EIO;
		if (to >= 0)
			r = backup_room(to, leaves);
		if (to >= 0 && r == 0)
			r = fd_write_all(to, span_of(block, (size_t)n));
	}
	return n < 0 ? -errno : r;
}

int backup_copy_octets(int from, int to, long long most, long long leaves,
	char ret_hex[SHA256_TEXT_SIZE], off_t *ret_size)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[SHA256_SIZE];
	int r = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;

	if (r == 0)
		r = copy_hashed(from, to, most, leaves, md, ret_size);
	if (r == 0 && EVP_DigestFinal_ex(md, digest, NULL) != 1)
		r = -EIO;
	EVP_MD_CTX_free(md);
	if (r == 0)
		hex_encode(digest, SHA256_SIZE, ret_hex);
	return r;
}

static int hash_file(int from, int to, char ret_hex[SHA256_TEXT_SIZE])
{
	off_t size;

	return backup_copy_octets(from, to, LLONG_MAX, 0, ret_hex, &size);
}

/* A whole copy, on the disk when this returns. */
static int copy_file(const char *from, const char *to, mode_t mode, char *ret_hex)
{
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(closep) int out = -1;
	int r;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		return -errno;
	r = hash_file(in, out, ret_hex);
	if (r == 0 && (fchmod(out, mode) < 0 || fsync(out) < 0))
		r = -errno;
	return r;
}

static int join(char ret[PATH_MAX], const char *folder, const char *name)
{
	return snprintf(ret, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? 0
									 : -ENAMETOOLONG;
}

static int compare_one(const char *files, const struct backup_line *l)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE];
	int r = join(path, files, l->path);

	if (r < 0 || backup_list_folder(l))
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = hash_file(fd, -1, hex);
	return r < 0 ? r : strcmp(hex, l->hex) == 0 ? 0 : -EBADMSG;
}

int backup_compare(const char *files, FILE *lines, char **ret_path)
{
	struct backup_line l = { 0 };
	int r, more;

	while ((more = backup_list_next(lines, &l)) > 0) {
		r = compare_one(files, &l);
		if (r < 0) {
			*ret_path = strdup(l.path);
			return r;
		}
	}
	return more;
}

static int put_one(const char *files, const struct backup_line *l, const char *instance)
{
	char from[PATH_MAX], to[PATH_MAX], hex[SHA256_TEXT_SIZE];
	bool folder = backup_list_folder(l);
	int r = join(from, files, l->path);

	/* of an earlier restore: this one's stands there already */
	if (strcmp(l->path, QUEUE_RESTORED_FILE) == 0)
		return 0;
	if (r == 0)
		r = join(to, instance, l->path);
	if (r == 0 && folder)
		r = mkdir(to, 0700) < 0 && errno != EEXIST ? -errno : 0;
	else if (r == 0)
		r = copy_file(from, to, (mode_t)l->mode, hex);
	if (r == 0 && !folder && strcmp(hex, l->hex) != 0)
		r = -EBADMSG;
	if (r == 0 && geteuid() == 0 && lchown(to, (uid_t)l->uid, (gid_t)l->gid) < 0)
		r = -errno;
	if (r == 0 && chmod(to, (mode_t)l->mode) < 0)
		r = -errno;
	return r;
}

int backup_put(const char *files, FILE *lines, const char *instance)
{
	struct backup_line l;
	int r = 0, more;

	while (r == 0 && (more = backup_list_next(lines, &l)) > 0)
		r = put_one(files, &l, instance);
	return r < 0 ? r : more;
}
