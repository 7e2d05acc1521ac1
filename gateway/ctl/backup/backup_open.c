/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_pieces.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/cms.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SEALED_MAX (BACKUP_PIECE_MAX + 1024u * 1024) /* with what many recipients add */

DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

struct opening {
	const char *pieces, *dir;
	EVP_PKEY *key;
	X509 *certificate;
	char id[BACKUP_PIECE_ID]; /* of the first piece */
	unsigned long number;	  /* of the next */
	bool last;
	BIO *plain; /* what is left of the piece */
};

static int decrypt(struct opening *o, struct span sealed)
{
	const uint8_t *p = sealed.data;
	_cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms =
		d2i_CMS_ContentInfo(NULL, &p, (long)sealed.len);

	BIO_free_all(o->plain);
	o->plain = BIO_new(BIO_s_mem());
	if (!o->plain)
		return -ENOMEM;
	return cms && p == sealed.data + sealed.len &&
			       OBJ_obj2nid(CMS_get0_type(cms)) ==
				       NID_id_smime_ct_authEnvelopedData &&
			       CMS_decrypt(cms, o->key, o->certificate, NULL, o->plain,
				       CMS_BINARY) == 1
		       ? 0
		       : -EKEYREJECTED;
}

/* Each piece is of the first one's backup, and where it belongs. */
static int read_head(struct opening *o)
{
	char head[BACKUP_HEAD_MAX] = "", id[BACKUP_PIECE_ID] = "",
	     expected[BACKUP_HEAD_MAX];
	int len = BIO_gets(o->plain, head, sizeof(head));

	if (len <= 0 || sscanf(head, BACKUP_PIECE_HEAD "%32[0-9a-f]", id) != 1)
		return -EBADMSG;
	if (o->number == 0)
		memcpy(o->id, id, sizeof(id));
	(void)snprintf(expected, sizeof(expected), BACKUP_PIECE_HEAD "%s %lu ", o->id,
		o->number);
	if (strncmp(head, expected, strlen(expected)) != 0)
		return -EBADMSG;
	o->last = strcmp(head + strlen(expected), "last\n") == 0;
	return o->last || strcmp(head + strlen(expected), "more\n") == 0 ? 0 : -EBADMSG;
}

static int next_piece(struct opening *o)
{
	_cleanup_(freep) uint8_t *sealed = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = snprintf(path, sizeof(path), "%s/%06lu.p7m", o->pieces, o->number);

	if (r >= PATH_MAX)
		return -ENAMETOOLONG;
	r = file_read(path, SEALED_MAX, &sealed, &len);
	if (r == 0)
		r = decrypt(o, span_of(sealed, len));
	if (r == 0)
		r = read_head(o);
	if (r == 0)
		o->number++;
	return r;
}

/* Return: octets, at least one, 0 at the end of the last piece, or negative. */
static int take(struct opening *o, uint8_t *octets, size_t most)
{
	while (BIO_pending(o->plain) == 0 && !o->last) {
		int r = next_piece(o);

		if (r < 0)
			return r;
	}
	return BIO_pending(o->plain) ? BIO_read(o->plain, octets, (int)most) : 0;
}

/* "SIZE PATH". Return: 1, 0 at the end, or negative. */
static int take_line(struct opening *o, char line[PATH_MAX])
{
	size_t len = 0;
	uint8_t octet;
	int r;

	while ((r = take(o, &octet, 1)) > 0 && octet != '\n') {
		if (octet == '\0' || len + 1 == PATH_MAX)
			return -EBADMSG;
		line[len++] = (char)octet;
	}
	line[len] = '\0';
	return r > 0 ? 1 : r == 0 && len ? -EBADMSG : r;
}

/* Nothing leads out of the folder. */
static bool path_ok(const char *path)
{
	return *path && *path != '/' && !strstr(path, "..") && !strstr(path, "//") &&
	       path[strlen(path) - 1] != '/';
}

static int make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int write_file(struct opening *o, char *path, long long size)
{
	static uint8_t block[65536];
	_cleanup_(closep) int fd = -1;
	int r = make_folders(path);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (size > 0) {
		r = take(o, block,
			size < (long long)sizeof(block) ? (size_t)size : sizeof(block));
		if (r <= 0)
			return r < 0 ? r : -EBADMSG;
		size -= r;
		r = fd_write_all(fd, span_of(block, (size_t)r));
		if (r < 0)
			return r;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int take_file(struct opening *o, const char *line)
{
	char path[PATH_MAX], *end;
	long long size;

	errno = 0;
	size = strtoll(line, &end, 10);
	if (errno || end == line || *end != ' ' || size < 0 || !path_ok(end + 1))
		return -EBADMSG;
	if (snprintf(path, sizeof(path), "%s/%s", o->dir, end + 1) >= PATH_MAX)
		return -ENAMETOOLONG;
	return write_file(o, path, size);
}

int backup_open(const char *pieces, const char *dir, EVP_PKEY *key, X509 *certificate,
	unsigned long *ret_piece)
{
	struct opening o = {
		.pieces = pieces, .dir = dir, .key = key, .certificate = certificate
	};
	char line[PATH_MAX];
	int r = mkdir(dir, 0700) < 0 ? -errno : 0;

	*ret_piece = 0;
	if (r < 0)
		return r;
	r = next_piece(&o);
	while (r == 0 && (r = take_line(&o, line)) > 0)
		r = take_file(&o, line);
	*ret_piece = o.number;
	BIO_free_all(o.plain);
	if (r < 0)
		tree_remove(dir);
	return r;
}
