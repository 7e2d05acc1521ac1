/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_list.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 18 /* of a position in a name */

static const char *const KINDS[] = {
	[HEAD_JSON] = "json",
	[HEAD_STAMP] = "tst",
	[HEAD_PENDING] = HEAD_STAMP_PENDING,
};

int head_file_path(const char *folder, const struct head_file *f, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/heads/%0*lld.%s", folder, DIGITS,
		       (long long)f->position, KINDS[f->kind]) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static bool is_head_file(const char *name, struct head_file *ret)
{
	if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '.')
		return false;
	ret->position = strtoll(name, NULL, 10);
	for (size_t i = 0; ret->position > 0 && i < sizeof(KINDS) / sizeof(*KINDS); i++)
		if (strcmp(name + DIGITS + 1, KINDS[i]) == 0) {
			ret->kind = (enum head_kind)i;
			return true;
		}
	return false;
}

static int by_position(const void *a, const void *b)
{
	const struct head_file *x = a, *y = b;

	if (x->position != y->position)
		return x->position > y->position ? 1 : -1;
	return (int)x->kind - (int)y->kind;
}

static void sort(struct head_list *l)
{
	if (l->count)
		qsort(l->files, l->count, sizeof(*l->files), by_position);
}

/* All files of a position stay together. */
static void leave_oldest(struct head_list *l, size_t most)
{
	size_t from = l->count - most, kept = 0;

	sort(l);
	while (from > 0 && l->files[from - 1].position == l->files[from].position)
		from--;
	for (size_t i = 0; i < l->count; i++)
		if (i >= from || l->files[i].kind == HEAD_PENDING)
			l->files[kept++] = l->files[i];
	l->count = kept;
	l->cut |= from > 0;
}

static int add(struct head_list *l, size_t *size, size_t most, const struct head_file *f)
{
	if (l->count == *size && *size / 2 >= most)
		leave_oldest(l, most);
	if (l->count == *size) {
		size_t more = *size ? *size * 2 : 1024;
		struct head_file *grown = realloc(l->files, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->files = grown;
		*size = more;
	}
	l->files[l->count++] = *f;
	return 0;
}

int head_list_read(const char *folder, size_t most, struct head_list *ret_list)
{
	struct head_list l = { 0 };
	struct head_file f;
	const struct dirent *e = NULL;
	size_t size = 0;
	char path[PATH_MAX];
	DIR *d;
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/heads", folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	d = opendir(path);
	if (!d && errno != ENOENT)
		return -errno;
	while (d && r == 0) {
		errno = 0;
		e = readdir(d);
		if (!e)
			r = -errno;
		else if (is_head_file(e->d_name, &f))
			r = add(&l, &size, most, &f);
		if (!e)
			break;
	}
	if (d)
		closedir(d);
	sort(&l);
	if (r < 0)
		head_list_done(&l);
	else
		*ret_list = l;
	return r;
}

void head_list_done(struct head_list *l)
{
	free(l->files);
	*l = (struct head_list){ 0 };
}
