/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_codes_list.h"

#include "document/code_index.h"
#include "document/code_versions.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define TABLE ".csv"
#define ROW "%-22s %-12s %-10s %-10s %8s  %-5s  %s\n"

static const char *said(const char *text)
{
	return *text ? text : "-";
}

static const char *mark(const struct code_version *v, int64_t at)
{
	static const char *const MARKS[] = { [CODE_VERSION_HOLDS] = "",
		[CODE_VERSION_TOO_EARLY] = " (not yet)",
		[CODE_VERSION_OVER] = " (over)" };

	return MARKS[code_version_at(v, at)];
}

static int put_row(const char *path, const char *name, const struct csv *versions,
	int64_t at, FILE *out, char **ret_error)
{
	_cleanup_(code_list_freep) struct code_list *l = NULL;
	char index[PATH_MAX], version[CODE_VERSION_SIZE], count[24];
	struct code_version v;
	int r = code_list_load(path, "", &l, ret_error);

	if (r < 0)
		return r;
	(void)code_version_of(versions, name, &v);
	(void)snprintf(version, sizeof(version), "%s%s", said(v.version), mark(&v, at));
	(void)snprintf(count, sizeof(count), "%zu", code_list_count(l));
	fprintf(out, ROW, name, version, said(v.from), said(v.until), count,
		code_index_path(path, index, sizeof(index)) == 0 &&
				access(index, F_OK) == 0
			? "index"
			: "table",
		said(v.title));
	return 0;
}

static int is_table(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name), tail = strlen(TABLE);

	return n > tail && strcmp(entry->d_name + n - tail, TABLE) == 0;
}

static int put_rows(const char *policies, const struct csv *versions, int64_t at,
	FILE *out, char **ret_error)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	int count, r = 0;

	if (snprintf(path, sizeof(path), "%s/codes", policies) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	count = scandir(path, &entries, is_table, alphasort);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;

		if (r == 0 && snprintf(path, sizeof(path), "%s/codes/%s", policies,
				      name) >= (int)sizeof(path))
			r = -ENAMETOOLONG;
		name[strlen(name) - strlen(TABLE)] = '\0';
		if (r == 0)
			r = put_row(path, name, versions, at, out, ret_error);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int policy_codes_list(const char *policies, int64_t at, FILE *out, char **ret_error)
{
	_cleanup_csv_ struct csv versions = { 0 };
	int r = code_versions_read(policies, &versions, ret_error);

	if (r < 0)
		return r;
	fprintf(out, ROW, "list", "version", "from", "until", "codes", "kept", "what");
	return put_rows(policies, &versions, at, out, ret_error);
}
