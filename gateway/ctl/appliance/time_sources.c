/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/time_sources.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX 65536u
#define MOST 64
#define BLANKS " \t\r"

struct found {
	char *names[MOST];
	size_t count;
};

static void found_done(struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->names[i]);
}

/* Return: NULL, or what is wrong with it. */
static const char *add(struct found *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcasecmp(f->names[i], name) == 0)
			return "a source of time is there twice";
	if (f->count == MOST || !(f->names[f->count] = strdup(name)))
		return "there are too many sources of time";
	f->count++;
	return NULL;
}

/* Return: NULL, or what is wrong with it. */
static const char *judge_line(struct found *f, char *line)
{
	char *save = NULL, *word = strtok_r(line, BLANKS, &save), *name;

	if (!word || strchr("#!%;", *word))
		return NULL;
	if (strcasecmp(word, "server") != 0 && strcasecmp(word, "pool") != 0)
		return "a source of time is a server or a pool";
	name = strtok_r(NULL, BLANKS, &save);
	if (!name)
		return "a source of time has a name";
	while ((word = strtok_r(NULL, BLANKS, &save)) != NULL)
		if (strcasecmp(word, "nts") == 0)
			return add(f, name);
	return "a source of time does not prove who it is: nts is missing";
}

static int judge_file(struct found *f, const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	const char *fault = NULL;
	char *save = NULL;
	size_t len = 0;
	int r = file_read(path, FILE_MAX, &text, &len);

	if (r < 0)
		return appliance_fail(ret_error, r, path, strerror(-r));
	for (char *line = strtok_r((char *)text, "\n", &save); line && !fault;
		line = strtok_r(NULL, "\n", &save))
		fault = judge_line(f, line);
	return fault ? appliance_fail(ret_error, -EINVAL, strrchr(path, '/') + 1, fault)
		     : 0;
}

int time_sources_judge(const char *folder, char **ret_error)
{
	_cleanup_(found_done) struct found found = { .count = 0 };
	char pattern[PATH_MAX];
	glob_t files = { 0 };
	int r = 0;

	if (snprintf(pattern, sizeof(pattern), "%s/*.sources", folder) >= PATH_MAX)
		return appliance_fail(
			ret_error, -ENAMETOOLONG, "time", strerror(ENAMETOOLONG));
	if (glob(pattern, 0, NULL, &files) == 0)
		for (size_t i = 0; r == 0 && i < files.gl_pathc; i++)
			r = judge_file(&found, files.gl_pathv[i], ret_error);
	globfree(&files);
	if (r == 0 && found.count < TIME_SOURCES_LEAST)
		r = appliance_fail(ret_error, -EINVAL, "time",
			"fewer than two sources of time with nts: nothing would be "
			"sealed");
	return r;
}
