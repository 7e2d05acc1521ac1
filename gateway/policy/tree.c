/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include "common/buf.h"
#include "common/durable.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TREE_DEPTH_MAX 8
#define TREE_FILES_MAX 20000
#define TREE_FILE_MAX (16u * 1024 * 1024)

struct tree_file {
	char *name; /* relative to the tree */
	struct stat st;
};

struct tree {
	const char *top;
	struct tree_file *files;
	size_t count;
};

static void tree_done(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->files[i].name);
	free(t->files);
}

static int walk(struct tree *t, const char *folder, int depth, char **ret_error);

static int add_file(struct tree *t, const char *name, const struct stat *st)
{
	int r;

	if (t->count >= TREE_FILES_MAX)
		return -E2BIG;
	r = policy_grow((void **)&t->files, t->count, sizeof(*t->files));
	if (r < 0)
		return r;
	t->files[t->count].st = *st;
	t->files[t->count].name = strdup(name);
	if (!t->files[t->count].name)
		return -ENOMEM;
	t->count++;
	return 0;
}

/* A line break in a name could make two trees look alike in the digested list. */
static int visit(struct tree *t, const char *name, int depth, char **ret_error)
{
	char path[PATH_MAX];
	struct stat st;
	int r = policy_join(path, t->top, name);

	if (r == 0 && strpbrk(name, "\n\r\\"))
		r = -EINVAL;
	if (r == 0 && stat(path, &st) < 0)
		r = -errno;
	if (r == 0 && S_ISDIR(st.st_mode))
		return walk(t, name, depth + 1, ret_error);
	if (r == 0)
		r = S_ISREG(st.st_mode) ? add_file(t, name, &st) : -EINVAL;
	return r < 0 ? policy_fail(ret_error, r, path) : 0;
}

static int walk_entries(
	struct tree *t, DIR *dir, const char *folder, int depth, char **ret_error)
{
	char name[PATH_MAX];
	struct dirent *d;
	int r = 0;

	while (r == 0 && (d = readdir(dir))) {
		int n;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		n = snprintf(name, sizeof(name), "%s%s%s", folder, *folder ? "/" : "",
			d->d_name);
		r = n < PATH_MAX ? visit(t, name, depth, ret_error) : -ENAMETOOLONG;
	}
	return r;
}

static int walk(struct tree *t, const char *folder, int depth, char **ret_error)
{
	char path[PATH_MAX];
	DIR *dir;
	int r = policy_join(path, t->top, folder);

	if (r == 0 && depth > TREE_DEPTH_MAX)
		r = -ELOOP;
	if (r < 0)
		return policy_fail(ret_error, r, t->top);
	dir = opendir(path);
	if (!dir)
		return policy_fail(ret_error, -errno, path);
	r = walk_entries(t, dir, folder, depth, ret_error);
	closedir(dir);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct tree_file *)a)->name, ((const struct tree_file *)b)->name);
}

static int tree_read(struct tree *t, const char *top, char **ret_error)
{
	int r;

	*t = (struct tree){ .top = top };
	r = walk(t, "", 0, ret_error);
	if (r == 0 && t->count)
		qsort(t->files, t->count, sizeof(*t->files), by_name);
	return r;
}

static int add_line(const struct tree *t, const char *name, struct buf *lines)
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX], digest[SHA256_TEXT_SIZE];
	size_t len;
	int r = policy_join(path, t->top, name);

	if (r == 0)
		r = file_read(path, TREE_FILE_MAX, &data, &len);
	if (r == 0)
		r = digest_sha256_text(span_of(data, len), digest);
	return r == 0 ? buf_addf(lines, "%s  %s\n", digest, name) : r;
}

int policy_tree_digest(
	const char *policies, char ret_digest[SHA256_TEXT_SIZE], char **ret_error)
{
	_cleanup_(tree_done) struct tree t;
	_cleanup_buf_ struct buf lines;
	int r;

	buf_init(&lines, TREE_FILES_MAX * 512u);
	r = tree_read(&t, policies, ret_error);
	for (size_t i = 0; r == 0 && i < t.count; i++) {
		r = add_line(&t, t.files[i].name, &lines);
		if (r < 0)
			return policy_fail(ret_error, r, t.files[i].name);
	}
	return r == 0 ? digest_sha256_text(buf_span(&lines), ret_digest) : r;
}

/* FNV-1a: only equality of two stamps means anything. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

uint64_t policy_stamp(const char *policies)
{
	_cleanup_(tree_done) struct tree t;
	_cleanup_(freep) char *error = NULL;
	uint64_t h = 0xcbf29ce484222325u;

	if (tree_read(&t, policies, &error) < 0)
		return 0;
	for (size_t i = 0; i < t.count; i++) {
		const struct stat *st = &t.files[i].st;

		h = mix(h, t.files[i].name, strlen(t.files[i].name) + 1);
		h = mix(h, &st->st_size, sizeof(st->st_size));
		h = mix(h, &st->st_ino, sizeof(st->st_ino));
		h = mix(h, &st->st_mtim, sizeof(st->st_mtim));
		h = mix(h, &st->st_ctim, sizeof(st->st_ctim));
	}
	return h ? h : 1;
}
