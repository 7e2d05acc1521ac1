/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/head_list.h"

#include "common/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_SIZE 1024

static const char *const KINDS[] = {
	[HEAD_JSON] = "json",
	[HEAD_STAMP] = "tst",
	[HEAD_PENDING] = HEAD_STAMP_PENDING,
};

static bool is_flat(const struct head_file *f)
{
	return f->flat || f->kind == HEAD_PENDING;
}

int head_folder_path(const char *heads, int64_t position, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%0*lld", heads, HEAD_FOLDER_DIGITS,
		       (long long)(position / HEAD_FOLDER_SPAN)) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int head_file_path(const char *heads, const struct head_file *f, char ret_path[PATH_MAX])
{
	char folder[PATH_MAX];
	int n, r = head_folder_path(heads, f->position, folder);

	if (r < 0)
		return r;
	n = snprintf(ret_path, PATH_MAX, "%s/%0*lld.%s", is_flat(f) ? heads : folder,
		HEAD_DIGITS, (long long)f->position, KINDS[f->kind]);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int head_file_place(const char *heads, const struct head_file *f, char ret_path[PATH_MAX])
{
	char folder[PATH_MAX];
	int r = head_folder_path(heads, f->position, folder);

	if (r == 0 && !is_flat(f) && mkdir(folder, 0755) < 0 && errno != EEXIST)
		r = -errno;
	return r < 0 ? r : head_file_path(heads, f, ret_path);
}

/* First where it is moved to, and once more: it may have been moved in between. */
int head_file_find(const char *heads, struct head_file *f, char ret_path[PATH_MAX])
{
	for (int n = 0; n < 3; n++) {
		int r;

		f->flat = n == 1;
		r = head_file_path(heads, f, ret_path);
		if (r < 0)
			return r;
		if (access(ret_path, F_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

bool head_file_name(const char *name, struct head_file *ret)
{
	if (strspn(name, "0123456789") != HEAD_DIGITS || name[HEAD_DIGITS] != '.')
		return false;
	ret->position = strtoll(name, NULL, 10);
	for (size_t i = 0; ret->position > 0 && i < sizeof(KINDS) / sizeof(*KINDS); i++)
		if (strcmp(name + HEAD_DIGITS + 1, KINDS[i]) == 0) {
			ret->kind = (enum head_kind)i;
			return true;
		}
	return false;
}

bool head_folder_name(const char *name, int64_t *ret_first)
{
	if (strspn(name, "0123456789") != HEAD_FOLDER_DIGITS || name[HEAD_FOLDER_DIGITS])
		return false;
	*ret_first = strtoll(name, NULL, 10) * HEAD_FOLDER_SPAN;
	return true;
}

/* -- in order --------------------------------------------------------------- */

struct reading {
	const struct head_wish *wish;
	struct head_list l;
	size_t size;	  /* of l.files */
	int64_t *folders; /* their first positions; owned */
	size_t folder_count, folder_size;
};

static int by_position(const void *a, const void *b)
{
	const struct head_file *x = a, *y = b;

	if (x->position != y->position)
		return x->position > y->position ? 1 : -1;
	return (int)x->kind - (int)y->kind;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool is_kept(const struct head_wish *w, const struct head_file *f)
{
	return !w->kinds && f->kind == HEAD_PENDING;
}

static bool is_wished(const struct head_wish *w, const struct head_file *f)
{
	if (is_kept(w, f))
		return true;
	return (!w->kinds || (w->kinds & HEAD_BIT(f->kind))) && f->position > w->after &&
	       (!w->below || f->position < w->below);
}

/* The ends of what is wanted of the sorted list, whole positions. */
static void bounds(const struct reading *r, size_t *ret_from, size_t *ret_to)
{
	const struct head_list *l = &r->l;
	size_t from = 0, to = l->count;

	if (l->count > r->wish->most && r->wish->oldest) {
		to = r->wish->most;
		while (to > 0 && to < l->count &&
			l->files[to].position == l->files[to - 1].position)
			to++;
	} else if (l->count > r->wish->most) {
		from = l->count - r->wish->most;
		while (from > 0 && l->files[from - 1].position == l->files[from].position)
			from--;
	}
	*ret_from = from;
	*ret_to = to;
}

static void sort_and_cut(struct reading *r)
{
	struct head_list *l = &r->l;
	size_t from, to, kept = 0;

	if (!l->count)
		return;
	qsort(l->files, l->count, sizeof(*l->files), by_position);
	bounds(r, &from, &to);
	l->cut |= from > 0 || to < l->count;
	for (size_t i = 0; i < l->count; i++)
		if ((i >= from && i < to) || is_kept(r->wish, &l->files[i]))
			l->files[kept++] = l->files[i];
	l->count = kept;
}

/* Room for one more. The list is given back, or NULL when there is none. */
static void *with_room(void *list, size_t count, size_t *size, size_t one)
{
	size_t more = *size ? *size * 2 : FIRST_SIZE;
	void *grown;

	if (count < *size)
		return list;
	grown = realloc(list, more * one);
	if (grown)
		*size = more;
	return grown;
}

static int add_file(struct reading *r, const struct head_file *f)
{
	struct head_list *l = &r->l;
	struct head_file *files;

	if (l->count == r->size && r->size / 2 >= r->wish->most)
		sort_and_cut(r);
	files = with_room(l->files, l->count, &r->size, sizeof(*files));
	if (!files)
		return -ENOMEM;
	l->files = files;
	l->files[l->count++] = *f;
	return 0;
}

static int add_folder(struct reading *r, int64_t first)
{
	int64_t *folders;

	if (first + HEAD_FOLDER_SPAN - 1 <= r->wish->after ||
		(r->wish->below && first >= r->wish->below))
		return 0;
	folders =
		with_room(r->folders, r->folder_count, &r->folder_size, sizeof(*folders));
	if (!folders)
		return -ENOMEM;
	r->folders = folders;
	r->folders[r->folder_count++] = first;
	return 0;
}

/* Each called with a name. Return: 0, negative ends it. */
typedef int (*name_fn)(void *data, const char *name);

static int each_name(const char *path, name_fn each, void *data)
{
	const struct dirent *e;
	DIR *d = opendir(path);
	int r = 0;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		r = each(data, e->d_name);
	if (r == 0)
		r = -errno;
	closedir(d);
	return r;
}

static int take_name(void *data, const char *name)
{
	struct reading *r = data;
	struct head_file f = { .flat = true };
	int64_t first;

	if (head_file_name(name, &f))
		return is_wished(r->wish, &f) ? add_file(r, &f) : 0;
	return head_folder_name(name, &first) ? add_folder(r, first) : 0;
}

static int take_name_in_folder(void *data, const char *name)
{
	struct reading *r = data;
	struct head_file f = { .flat = false };

	return head_file_name(name, &f) && is_wished(r->wish, &f) &&
			       f.kind != HEAD_PENDING
		       ? add_file(r, &f)
		       : 0;
}

/* Is nothing of this folder and those behind it wanted any more? */
static bool is_enough(struct reading *r, int64_t first)
{
	const struct head_list *l = &r->l;
	size_t i = 0;

	if (!l->files || l->count < r->wish->most)
		return false;
	sort_and_cut(r);
	if (r->wish->oldest)
		return first > l->files[l->count - 1].position;
	while (i < l->count && is_kept(r->wish, &l->files[i]))
		i++;
	return i < l->count && l->count - i >= r->wish->most &&
	       first + HEAD_FOLDER_SPAN - 1 < l->files[i].position;
}

static int read_folders(struct reading *r, const char *heads)
{
	int e = 0;

	if (r->folder_count)
		qsort(r->folders, r->folder_count, sizeof(*r->folders), by_number);
	for (size_t i = 0; i < r->folder_count && e == 0; i++) {
		int64_t first = r->wish->oldest ? r->folders[i]
						: r->folders[r->folder_count - 1 - i];
		char path[PATH_MAX];

		if (is_enough(r, first)) {
			r->l.cut = true;
			break;
		}
		e = head_folder_path(heads, first, path);
		if (e == 0)
			e = each_name(path, take_name_in_folder, r);
	}
	return e;
}

int head_list_read(
	const char *heads, const struct head_wish *wish, struct head_list *ret_list)
{
	struct reading r = { .wish = wish };
	int e = each_name(heads, take_name, &r);

	if (e == 0)
		e = read_folders(&r, heads);
	free(r.folders);
	if (e < 0) {
		head_list_done(&r.l);
		return e;
	}
	sort_and_cut(&r);
	*ret_list = r.l;
	return 0;
}

void head_list_done(struct head_list *l)
{
	free(l->files);
	*l = (struct head_list){ 0 };
}
