/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_medium.h"

#include "ctl/backup/backup_list.h"
#include "ctl/backup/backup_postgresql.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/command.h"
#include "ctl/tree_remove.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 65536u
#define NAME_SIZE 32

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

/* Where the pieces are written. */
struct octets_writer {
	int folder, piece;
	unsigned int next;
	long long size, left; /* of a piece */
};

static int end_piece(struct octets_writer *w)
{
	_cleanup_(closep) int piece = take_fd(&w->piece);

	return piece >= 0 && fsync(piece) < 0 ? -errno : 0;
}

static int begin_piece(struct octets_writer *w)
{
	char name[NAME_SIZE];
	int r = end_piece(w);

	if (r < 0)
		return r;
	if (w->next > BACKUP_OCTETS_MAX)
		return -EFBIG;
	(void)snprintf(name, sizeof(name), BACKUP_OCTETS, w->next++);
	w->piece = openat(w->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	w->left = w->size;
	return w->piece < 0 ? -errno : 0;
}

static int write_octets(struct octets_writer *w, const uint8_t *octets, size_t n)
{
	while (n > 0) {
		int r = w->left == 0 ? begin_piece(w) : 0;
		size_t most = (long long)n < w->left ? n : (size_t)w->left;

		if (r == 0)
			r = fd_write_all(w->piece, span_of(octets, most));
		if (r < 0)
			return r;
		octets += most;
		n -= most;
		w->left -= (long long)most;
	}
	return 0;
}

static int end_digest(EVP_MD_CTX *md, char ret_hex[SHA256_TEXT_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	if (EVP_DigestFinal_ex(md, digest, NULL) != 1)
		return -EIO;
	hex_encode(digest, sizeof(digest), ret_hex);
	return 0;
}

/* One more octet than the line says is none of what was backed up. */
static int write_file(struct octets_writer *w, int from, const struct backup_line *l)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	static uint8_t block[BLOCK];
	char hex[SHA256_TEXT_SIZE];
	unsigned long size = 0;
	ssize_t n = 0;
	int r = md ? digest_begin(md) : -ENOMEM;

	while (r == 0 && (n = read(from, block, sizeof(block))) > 0) {
		size += (unsigned long)n;
		if (size > l->size)
			return -EBADMSG;
		r = EVP_DigestUpdate(md, block, (size_t)n) == 1 ? 0 : -EIO;
		if (r == 0)
			r = write_octets(w, block, (size_t)n);
	}
	if (r == 0 && n < 0)
		r = -errno;
	if (r == 0)
		r = end_digest(md, hex);
	return r < 0 ? r : size == l->size && strcmp(hex, l->hex) == 0 ? 0 : -EBADMSG;
}

static int write_line(struct octets_writer *w, int files, const struct backup_line *l)
{
	_cleanup_(closep) int from = -1;
	struct stat st;

	if (!backup_list_state(l) || backup_list_folder(l))
		return 0;
	if (strcmp(l->path, BACKUP_DUMP) == 0)
		return -EXDEV;
	from = openat(files, l->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? write_file(w, from, l) : -EBADMSG;
}

static int write_lines(struct octets_writer *w, int files, FILE *list, char **ret_path)
{
	struct backup_line l;
	int r = 0, more;

	while (r == 0 && (more = backup_list_next(list, &l)) > 0) {
		r = write_line(w, files, &l);
		if (r < 0)
			*ret_path = strdup(l.path);
	}
	if (r == 0)
		r = more;
	return r < 0 ? r : end_piece(w);
}

static int copy_list(FILE *list, int folder)
{
	_cleanup_(closep) int to = openat(
		folder, BACKUP_LIST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char hex[SHA256_TEXT_SIZE];
	off_t size;
	int r;

	if (to < 0 || lseek(fileno(list), 0, SEEK_SET) < 0)
		return -errno;
	r = backup_copy_octets(fileno(list), to, LLONG_MAX, 0, hex, &size);
	return r == 0 && fsync(to) < 0 ? -errno : r;
}

static int make(int backup, FILE *list, const char *out, long long piece, char **ret_path)
{
	_cleanup_(closep) int folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closep) int files =
		openat(backup, "files", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct octets_writer w = { .folder = folder, .piece = -1, .size = piece };
	char mark[BACKUP_MARK_SIZE];
	int r;

	if (folder < 0 || files < 0)
		return -errno;
	r = backup_list_head(list, mark);
	if (r == 0)
		r = write_lines(&w, files, list, ret_path);
	closep(&w.piece);
	if (r == 0)
		r = copy_list(list, folder);
	return r == 0 && fsync(folder) < 0 ? -errno : r;
}

int backup_medium(const char *dir, const char *out, long long piece, char **ret_path)
{
	_cleanup_(closep) int backup = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(fclosep) FILE *list = NULL;
	int fd, r;

	*ret_path = NULL;
	if (backup < 0)
		return -errno;
	fd = openat(backup, BACKUP_LIST, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	list = fdopen(fd, "r");
	if (!list) {
		close(fd);
		return -ENOMEM;
	}
	if (mkdir(out, 0700) < 0)
		return -errno;
	r = make(backup, list, out, piece, ret_path);
	if (r < 0)
		tree_remove(out);
	return r;
}

void backup_octets_done(struct backup_octets *o)
{
	closep(&o->piece);
	o->piece = -1;
}

/* Nothing is followed, and what is no file is not waited for. Return: 1, 0 there is no
 * further one, -errno. */
static int open_next(struct backup_octets *o)
{
	char name[NAME_SIZE];
	struct stat st;

	backup_octets_done(o);
	if (o->next > BACKUP_OCTETS_MAX)
		return 0;
	(void)snprintf(name, sizeof(name), BACKUP_OCTETS, o->next);
	o->piece =
		openat(o->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (o->piece < 0)
		return errno == ENOENT ? 0 : -errno;
	o->next++;
	if (fstat(o->piece, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_size > 0 ? 1 : -ENODATA;
}

/* Return: how many octets, 0 there are none, -errno. */
static ssize_t read_some(struct backup_octets *o, uint8_t *block, size_t most)
{
	for (;;) {
		ssize_t n = o->piece < 0 ? 0 : read(o->piece, block, most);
		int r;

		if (n != 0)
			return n < 0 ? -errno : n;
		r = open_next(o);
		if (r <= 0)
			return r;
	}
}

int backup_octets_take(struct backup_octets *o, int to, unsigned long size,
	char ret_hex[SHA256_TEXT_SIZE])
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	static uint8_t block[BLOCK];
	int r = md ? digest_begin(md) : -ENOMEM;

	while (r == 0 && size > 0) {
		ssize_t n = read_some(o, block, size < BLOCK ? (size_t)size : BLOCK);

		if (n <= 0)
			return n < 0 ? (int)n : -ENODATA;
		size -= (unsigned long)n;
		if (EVP_DigestUpdate(md, block, (size_t)n) != 1)
			return -EIO;
		r = to < 0 ? 0 : fd_write_all(to, span_of(block, (size_t)n));
	}
	return r < 0 ? r : end_digest(md, ret_hex);
}

int backup_octets_end(struct backup_octets *o)
{
	uint8_t octet;
	ssize_t n = read_some(o, &octet, 1);

	return n < 0 ? (int)n : n > 0 ? -EBADMSG : 0;
}

int backup_medium_command(int argc, char **argv)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	optind = 1;
	if (command_arguments(argc, argv, 2, 2, "the backup or the folder to make") < 0)
		return command_usage("backup");
	r = backup_medium(argv[1], argv[2], BACKUP_OCTETS_SIZE, &path);
	if (r == 0)
		return EXIT_CLEAN;
	command_fault("%s: %s",
		path	       ? path
		: r == -EEXIST ? argv[2]
			       : argv[1],
		r == -EBADMSG ? "is not what was backed up"
		: r == -EXDEV ? "is of a database server: restore it there, sealgate "
				"restore --postgresql"
			      : strerror(-r));
	return r == -EBADMSG || r == -EXDEV ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}
