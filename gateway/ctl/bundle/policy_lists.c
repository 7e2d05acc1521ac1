/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_lists.h"

#include "common/durable.h"
#include "document/code_index.h"
#include "document/code_versions.h"
#include "document/csv.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE ".csv"
#define INDEX ".index"

struct lists {
	void (*fault)(const void *data, const char *line);
	const void *data;
};

static void fault(const struct lists *l, const char *path, const char *what)
{
	char text[PATH_MAX + 200];

	(void)snprintf(text, sizeof(text), "%s:0: %s", path, what);
	l->fault(l->data, text);
}

/* What a reader could not read, in its own words. */
static int unread(const struct lists *l, const char *path, int r, char *error)
{
	if (r < 0 && error)
		l->fault(l->data, error);
	else if (r < 0)
		fault(l, path, strerror(-r));
	free(error);
	return r == -ENOMEM ? r : 0;
}

struct coded {
	const char *code;
	size_t line;
};

static int by_code(const void *a, const void *b)
{
	const struct coded *x = a, *y = b;
	int order = strcmp(x->code, y->code);

	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static void check_codes(
	const struct lists *l, const char *path, const struct coded *codes, size_t count)
{
	char text[PATH_MAX + 200];

	for (size_t i = 0; i < count; i++) {
		if (*codes[i].code &&
			(i == 0 || strcmp(codes[i].code, codes[i - 1].code) != 0))
			continue;
		(void)snprintf(text, sizeof(text),
			"%s:%zu: the code \"%s\" is empty or there twice", path,
			codes[i].line, codes[i].code);
		l->fault(l->data, text);
	}
}

/* The first column of a list is what it is looked up by. */
static int check_table(const struct lists *l, const char *path)
{
	_cleanup_csv_ struct csv table = { 0 };
	_cleanup_(freep) struct coded *codes = NULL;
	char *error = NULL;
	int r = csv_read(path, &table, &error);

	if (r < 0)
		return unread(l, path, r, error);
	codes = calloc(table.rows + 1, sizeof(*codes));
	if (!codes)
		return -ENOMEM;
	for (size_t i = 0; i < table.rows; i++)
		codes[i] = (struct coded){ csv_cell(&table, i, 0), i + 2 };
	qsort(codes, table.rows, sizeof(*codes), by_code);
	check_codes(l, path, codes, table.rows);
	return 0;
}

/* An index is made of its table alone: made again it is the same. */
static int check_index(const struct lists *l, const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_buf_ struct buf wanted;
	char table[PATH_MAX], *error = NULL;
	size_t len;
	int r;

	buf_init(&wanted, CODE_LIST_MAX);
	(void)snprintf(table, sizeof(table), "%.*s" TABLE,
		(int)(strlen(path) - strlen(INDEX)), path);
	r = code_index_make(table, &wanted, &error);
	if (r < 0)
		return unread(l, table, r, error);
	r = file_read(path, CODE_LIST_MAX, &data, &len);
	if (r < 0)
		return unread(l, path, r, NULL);
	if (len != wanted.len || memcmp(data, wanted.data, len) != 0)
		fault(l, path,
			"this is not the index of its table: sealgate policy codes "
			"compile");
	return 0;
}

/* A version is of a list that is there. */
static int check_versions(const struct lists *l, const char *policies)
{
	_cleanup_csv_ struct csv versions = { 0 };
	char path[PATH_MAX], text[PATH_MAX + 200], *error = NULL;
	int r = code_versions_read(policies, &versions, &error);

	if (r < 0)
		return unread(l, policies, r, error);
	for (size_t row = 0; row < versions.rows; row++) {
		const char *name = csv_cell(&versions, row, 0);

		if (snprintf(path, sizeof(path), "%s/codes/%s" TABLE, policies, name) <
				(int)sizeof(path) &&
			access(path, F_OK) == 0)
			continue;
		(void)snprintf(text, sizeof(text),
			"%s/codes/lists.csv:%zu: there is no list %s", policies, row + 2,
			name);
		l->fault(l->data, text);
	}
	return 0;
}

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), tail = strlen(with);

	return n > tail && strcmp(name + n - tail, with) == 0;
}

static int is_list(const struct dirent *entry)
{
	return ends(entry->d_name, TABLE) || ends(entry->d_name, INDEX);
}

static int check_file(const struct lists *l, const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return unread(l, name, -ENAMETOOLONG, NULL);
	return ends(name, INDEX) ? check_index(l, path) : check_table(l, path);
}

int policy_lists_check(const char *policies,
	void (*line_fault)(const void *data, const char *line), const void *data)
{
	const struct lists l = { line_fault, data };
	struct dirent **entries = NULL;
	char folder[PATH_MAX];
	int count, r = 0;

	if (snprintf(folder, sizeof(folder), "%s/codes", policies) >= (int)sizeof(folder))
		return unread(&l, policies, -ENAMETOOLONG, NULL);
	count = scandir(folder, &entries, is_list, alphasort);
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = check_file(&l, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r == 0 ? check_versions(&l, policies) : r;
}
