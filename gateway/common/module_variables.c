/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/module_variables.h"

#include "common/durable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LISTED_MAX 4096u
#define VARIABLES_MAX 1024
#define KEY "signer.module_variables"
#define MADE "state/" /* by programs, and brought by nobody */

typedef int (*take_fn)(const char *name, const char *value, const char *path,
	char ret_text[MODULE_VARIABLES_TEXT_SIZE]);

static int fail(char ret_text[MODULE_VARIABLES_TEXT_SIZE], int error, const char *what,
	const char *why)
{
	snprintf(ret_text, MODULE_VARIABLES_TEXT_SIZE, KEY ": %.60s %s", what, why);
	return error;
}

/* Beside the module, by whoever put that there. */
static int read_listed(const char *module, char **ret_names)
{
	const char *slash = strrchr(module, '/');
	char path[PATH_MAX];
	size_t len = 0;

	if (!slash || snprintf(path, sizeof(path), "%.*s/" MODULE_VARIABLES_FILE,
			      (int)(slash - module), module) >= PATH_MAX)
		return -EINVAL;
	return file_read(path, LISTED_MAX, (uint8_t **)ret_names, &len);
}

static bool is_listed(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = names; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && (line[len] == '\n' || !line[len]))
			return true;
	}
	return false;
}

static int set_one(const char *name, const char *value, const char *path,
	char ret_text[MODULE_VARIABLES_TEXT_SIZE])
{
	(void)value;
	return setenv(name, path, 1) < 0 ? fail(ret_text, -errno, name, strerror(errno))
					 : 0;
}

static int judge_one(const char *name, const char *value, const char *path,
	char ret_text[MODULE_VARIABLES_TEXT_SIZE])
{
	struct stat st; /* access(2) goes without the rights of who judges here */

	(void)name;
	if (value[0] == '/' || strncmp(value, MADE, strlen(MADE)) == 0 ||
		stat(path, &st) == 0)
		return 0;
	return fail(ret_text, -ENOENT, value, "is not in the configuration");
}

static int take_word(const struct instance *instance, const char *names, char *word,
	take_fn take, char ret_text[MODULE_VARIABLES_TEXT_SIZE])
{
	char *equals = strchr(word, '='), path[PATH_MAX];
	int r;

	if (!equals || equals == word || !equals[1])
		return fail(ret_text, -EINVAL, word, "is not NAME=PATH");
	*equals = '\0';
	if (!is_listed(names, word))
		return fail(ret_text, -EPERM, word,
			"is not listed in the file " MODULE_VARIABLES_FILE
			" beside the module");
	r = instance_path(instance, equals + 1, path);
	return r < 0 ? fail(ret_text, r, word, strerror(-r))
		     : take(word, equals + 1, path, ret_text);
}

static int take_all(const struct instance *instance, take_fn take,
	char ret_text[MODULE_VARIABLES_TEXT_SIZE])
{
	const char *module = config_string(instance->config, "signer.module");
	const char *all = config_string(instance->config, KEY);
	_cleanup_(freep) char *names = NULL;
	char words[VARIABLES_MAX], *save = NULL;
	int r;

	if (!all[0])
		return 0;
	if (snprintf(words, sizeof(words), "%s", all) >= (int)sizeof(words))
		return fail(ret_text, -EINVAL, "it", "is too long");
	r = read_listed(module, &names);
	if (r < 0)
		return fail(ret_text, r, "the file " MODULE_VARIABLES_FILE,
			"beside the module cannot be read");
	for (char *word = strtok_r(words, ",", &save); r == 0 && word;
		word = strtok_r(NULL, ",", &save))
		r = take_word(instance, names, word + strspn(word, " "), take, ret_text);
	return r;
}

int module_variables(
	const struct instance *instance, char ret_text[MODULE_VARIABLES_TEXT_SIZE])
{
	return take_all(instance, set_one, ret_text);
}

int module_variables_judge(
	const struct instance *instance, char ret_text[MODULE_VARIABLES_TEXT_SIZE])
{
	return take_all(instance, judge_one, ret_text);
}
