/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/code_versions.h"

#include "common/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TABLE "codes/lists.csv"

enum { LIST, TITLE, VERSION, FROM, UNTIL, COLUMNS };

static const char *const NAMES[COLUMNS] = { "code", "name", "version", "from", "until" };

static int fail(char **ret_error, const char *path, size_t line, const char *what)
{
	if (asprintf(ret_error, "%s:%zu: %s", path, line, what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static bool header_ok(const struct csv *t)
{
	for (int i = 0; i < COLUMNS; i++)
		if (csv_column(t, NAMES[i]) != i)
			return false;
	return t->columns == COLUMNS;
}

/* Days as text compare as days do. */
static bool day_ok(const char *day)
{
	char text[32];
	int64_t t;

	(void)snprintf(text, sizeof(text), "%.10sT00:00:00Z", day);
	return !*day || (strlen(day) == 10 && clock_parse(text, &t) == 0);
}

static const char *row_fault(const struct csv *t, size_t row)
{
	const char *version = csv_cell(t, row, VERSION), *from = csv_cell(t, row, FROM),
		   *until = csv_cell(t, row, UNTIL);

	if (!*csv_cell(t, row, LIST) || !*version || strlen(version) > CODE_VERSION_MAX)
		return "a list has a name and a version of at most 40 octets";
	if (!day_ok(from) || !day_ok(until) ||
		(*from && *until && strcmp(from, until) > 0))
		return "from and until are days as 2026-12-31, in this order, or empty";
	return NULL;
}

int code_versions_read(const char *policies, struct csv *ret_table, char **ret_error)
{
	char path[PATH_MAX];
	struct csv t = { 0 };
	const char *fault = NULL;
	size_t row = 0;
	int r;

	*ret_error = NULL;
	*ret_table = t;
	if (snprintf(path, sizeof(path), "%s/" TABLE, policies) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = csv_read(path, &t, ret_error);
	if (r == -ENOENT) {
		free(*ret_error);
		*ret_error = NULL;
		return 0;
	}
	if (r < 0)
		return r;
	if (!header_ok(&t))
		r = fail(ret_error, path, 1,
			"the header is not code,name,version,from,until");
	for (; r == 0 && !fault && row < t.rows; row++)
		fault = row_fault(&t, row);
	if (fault)
		r = fail(ret_error, path, row + 1, fault);
	if (r < 0)
		csv_done(&t);
	*ret_table = t;
	return r;
}

bool code_version_of(const struct csv *t, const char *list, struct code_version *ret)
{
	*ret = (struct code_version){ "", "", "", "" };
	for (size_t row = 0; row < t->rows; row++) {
		if (strcmp(csv_cell(t, row, LIST), list) != 0)
			continue;
		*ret = (struct code_version){ csv_cell(t, row, TITLE),
			csv_cell(t, row, VERSION), csv_cell(t, row, FROM),
			csv_cell(t, row, UNTIL) };
		return true;
	}
	return false;
}

enum code_version_state code_version_at(const struct code_version *v, int64_t at)
{
	char day[CLOCK_TEXT_SIZE];

	clock_format(at, day);
	day[10] = '\0';
	if (*v->from && strcmp(day, v->from) < 0)
		return CODE_VERSION_TOO_EARLY;
	return *v->until && strcmp(day, v->until) > 0 ? CODE_VERSION_OVER
						      : CODE_VERSION_HOLDS;
}

void code_version_phrase(
	const struct code_version *v, int64_t at, char ret_text[CODE_VERSION_SIZE])
{
	ret_text[0] = '\0';
	if (!*v->version)
		return;
	if (code_version_at(v, at) == CODE_VERSION_HOLDS)
		(void)snprintf(ret_text, CODE_VERSION_SIZE, ", version %s,", v->version);
	else
		(void)snprintf(ret_text, CODE_VERSION_SIZE, ", version %s (%s/%s),",
			v->version, *v->from ? v->from : "..",
			*v->until ? v->until : "..");
}
