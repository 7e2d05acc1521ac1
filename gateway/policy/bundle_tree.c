/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/bundle.h"

#include "common/durable.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 8
#define FILE_MAX (16u * 1024 * 1024)

struct walking {
	const char *folder;
	struct buf archive; /* in the order of the walk; read again once sorted */
	struct bundle names;
	char **ret_error;
};

static int fail(const struct walking *w, int error, const char *path, const char *what)
{
	if (!*w->ret_error && asprintf(w->ret_error, "%s: %s", path, what) < 0)
		*w->ret_error = NULL;
	return error;
}

static int add_name(struct bundle *b, const char *name)
{
	struct bundle_file *files;

	if (b->count == BUNDLE_FILES_MAX)
		return -E2BIG;
	files = reallocarray(b->files, b->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	b->files = files;
	files[b->count] = (struct bundle_file){ .name = strdup(name) };
	return files[b->count++].name ? 0 : -ENOMEM;
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int walk(struct walking *w, const char *below, int depth);

static int visit(struct walking *w, const char *name, int depth)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", w->folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (lstat(path, &st) < 0)
		return fail(w, -errno, path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return walk(w, name, depth + 1);
	if (!S_ISREG(st.st_mode) || strcmp(name, "BUNDLE") == 0)
		return fail(w, -EINVAL, path, "this cannot be part of a bundle");
	return add_name(&w->names, name);
}

static int walk(struct walking *w, const char *below, int depth)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX], name[PATH_MAX];
	int count, r = depth > DEPTH_MAX ? -ELOOP : 0;

	if (snprintf(path, sizeof(path), "%s/%s", w->folder, below) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	count = scandir(path, &entries, no_dots, alphasort);
	if (count < 0)
		return fail(w, -errno, path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0 &&
			snprintf(name, sizeof(name), "%s%s%s", below, *below ? "/" : "",
				entries[i]->d_name) >= (int)sizeof(name))
			r = -ENAMETOOLONG;
		if (r == 0)
			r = visit(w, name, depth);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct bundle_file *)a)->name,
		((const struct bundle_file *)b)->name);
}

/* The octets of every file, one after the other, owned by the bundle. */
static int read_octets(struct walking *w, struct bundle *b)
{
	for (size_t i = 0; i < b->count; i++) {
		_cleanup_(freep) uint8_t *data = NULL;
		char path[PATH_MAX];
		size_t len;
		int r;

		(void)snprintf(path, sizeof(path), "%s/%s", w->folder, b->files[i].name);
		r = file_read(path, FILE_MAX, &data, &len);
		if (r == 0)
			r = buf_add(&w->archive, data, len);
		if (r < 0)
			return fail(w, r, path, strerror(-r));
		b->files[i].data.len = len;
	}
	return 0;
}

int bundle_of_folder(
	const char *folder, uint64_t version, struct bundle *ret_bundle, char **ret_error)
{
	struct walking w = { .folder = folder, .ret_error = ret_error };
	size_t at = 0;
	int r;

	*ret_error = NULL;
	buf_init(&w.archive, BUNDLE_MAX);
	r = walk(&w, "", 0);
	if (r == 0 && w.names.count == 0)
		r = fail(&w, -EINVAL, folder, "there are no files");
	if (r == 0)
		qsort(w.names.files, w.names.count, sizeof(*w.names.files), by_name);
	if (r == 0)
		r = read_octets(&w, &w.names);
	w.names.version = version;
	w.names.octets = (uint8_t *)buf_take(&w.archive, NULL);
	for (size_t i = 0; r == 0 && i < w.names.count; i++) {
		w.names.files[i].data.data = w.names.octets + at;
		at += w.names.files[i].data.len;
	}
	if (r < 0)
		bundle_done(&w.names);
	else
		*ret_bundle = w.names;
	return r;
}
