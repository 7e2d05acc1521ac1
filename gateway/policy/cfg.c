/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/cfg.h"

#include "common/durable.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CFG_FILE_MAX (1024u * 1024)
#define CFG_FILES_MAX 10000

static int fail_line(const struct cfg *c, unsigned int line, const char *what)
{
	if (asprintf(c->ret_error, "%s:%u: %s", c->path, line, what) < 0)
		*c->ret_error = NULL;
	return -EINVAL;
}

int cfg_fail(const struct cfg *c, const config_setting_t *at, const char *format, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	return fail_line(c, config_setting_source_line(at), what);
}

static unsigned int line_of(const char *text, const char *place)
{
	unsigned int line = 1;

	for (; text < place; text++)
		line += *text == '\n';
	return line;
}

static int parse(struct cfg *c, const char *text, size_t len)
{
	const char *include = strstr(text, "@include");

	if (strlen(text) != len)
		return fail_line(
			c, line_of(text, text + strlen(text)), "an octet is zero");
	if (include)
		return fail_line(c, line_of(text, include), "@include is not allowed");
	if (config_read_string(&c->lib, text) == CONFIG_TRUE)
		return 0;
	return fail_line(
		c, (unsigned int)config_error_line(&c->lib), config_error_text(&c->lib));
}

int cfg_open(const char *path, struct cfg *ret_cfg, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	struct cfg c = { .path = path, .ret_error = ret_error };
	size_t len;
	int r = file_read(path, CFG_FILE_MAX, &text, &len);

	if (r < 0) {
		if (asprintf(ret_error, "%s: %s", path, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	config_init(&c.lib);
	r = parse(&c, (const char *)text, len);
	if (r < 0) {
		config_destroy(&c.lib);
		return r;
	}
	*ret_cfg = c;
	return 0;
}

void cfg_close(struct cfg *c)
{
	if (c->path)
		config_destroy(&c->lib);
	*c = (struct cfg){ 0 };
}

config_setting_t *cfg_root(const struct cfg *c)
{
	return config_root_setting(&c->lib);
}

/* True when s is a list or array whose elements all have the type. */
static bool is_list_of(const config_setting_t *s, int type)
{
	if (!config_setting_is_list(s) && !config_setting_is_array(s))
		return false;
	for (int i = 0; i < config_setting_length(s); i++)
		if (config_setting_type(config_setting_get_elem(s, (unsigned int)i)) !=
			type)
			return false;
	return true;
}

static bool type_ok(const config_setting_t *s, enum cfg_type type)
{
	switch (type) {
	case CFG_STRING:
		return config_setting_type(s) == CONFIG_TYPE_STRING;
	case CFG_STRINGS:
		return is_list_of(s, CONFIG_TYPE_STRING);
	case CFG_GROUP:
		return config_setting_is_group(s);
	case CFG_GROUPS:
		return is_list_of(s, CONFIG_TYPE_GROUP);
	case CFG_BOOL:
		return config_setting_type(s) == CONFIG_TYPE_BOOL;
	case CFG_INT:
		return config_setting_type(s) == CONFIG_TYPE_INT;
	default:
		return false;
	}
}

static const char *type_text(enum cfg_type type)
{
	static const char *const texts[] = { "a string", "a list of strings", "a group",
		"a list of groups", "true or false", "an integer" };

	return texts[type];
}

static const struct cfg_key *key_find(const struct cfg_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

int cfg_check(
	const struct cfg *c, const config_setting_t *group, const struct cfg_key *keys)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s =
			config_setting_get_elem(group, (unsigned int)i);
		const struct cfg_key *k = key_find(keys, config_setting_name(s));

		if (!k)
			return cfg_fail(c, s, "%s is not a known setting here",
				config_setting_name(s));
		if (!type_ok(s, k->type))
			return cfg_fail(
				c, s, "%s must be %s", k->name, type_text(k->type));
	}
	for (; keys->name; keys++)
		if (keys->required && !config_setting_get_member(group, keys->name))
			return cfg_fail(c, group, "%s is missing", keys->name);
	return 0;
}

int cfg_text(const struct cfg *c, const config_setting_t *s, char *ret_text, size_t size)
{
	const char *text = config_setting_get_string(s);
	size_t len = text ? strlen(text) : 0;

	if (len == 0)
		return cfg_fail(c, s, "the text is empty");
	if (len >= size)
		return cfg_fail(
			c, s, "\"%s\" is longer than %zu characters", text, size - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
			return cfg_fail(c, s, "the text holds a control character");
	memcpy(ret_text, text, len + 1);
	return 0;
}

int cfg_member_text(const struct cfg *c, const config_setting_t *group, const char *name,
	char *ret_text, size_t size)
{
	return cfg_text(c, config_setting_get_member(group, name), ret_text, size);
}

int cfg_texts(const struct cfg *c, const config_setting_t *list, char *ret_texts,
	size_t size, size_t max)
{
	size_t count = (size_t)config_setting_length(list);

	if (count > max)
		return cfg_fail(c, list, "%s has more than %zu elements",
			config_setting_name(list), max);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);
		int r = cfg_text(c, s, ret_texts + i * size, size);

		if (r < 0)
			return r;
		for (size_t j = 0; j < i; j++)
			if (strcmp(ret_texts + i * size, ret_texts + j * size) == 0)
				return cfg_fail(c, s, "\"%s\" is there twice",
					ret_texts + i * size);
	}
	return (int)count;
}

bool cfg_name_ok(const char *text)
{
	if (!isalnum((unsigned char)text[0]))
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.", *text))
			return false;
	return true;
}

int cfg_sha256(const struct cfg *c, const config_setting_t *s, char ret_text[65])
{
	const char *text = config_setting_get_string(s);
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':' && n % 2 == 0 && n > 0 && n < 64 && text[-1] != ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n == 64)
			break;
		ret_text[n++] = (char)tolower((unsigned char)*text);
	}
	if (*text || n != 64)
		return cfg_fail(c, s, "\"%s\" is not a SHA-256 of 64 hexadecimal digits",
			config_setting_get_string(s));
	ret_text[64] = '\0';
	return 0;
}

int cfg_country(const struct cfg *c, const config_setting_t *s, char ret_text[3])
{
	const char *text = config_setting_get_string(s);

	if (strlen(text) != 2 || !isupper((unsigned char)text[0]) ||
		!isupper((unsigned char)text[1]))
		return cfg_fail(c, s,
			"\"%s\" is not a country code of two capital letters", text);
	memcpy(ret_text, text, 3);
	return 0;
}

static int is_policy_file(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 4 && strcmp(d->d_name + len - 4, ".cfg") == 0;
}

static int by_octets(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void cfg_names_free(char **names, size_t count)
{
	for (size_t i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

int cfg_files(const char *folder, char ***ret_names)
{
	struct dirent **entries = NULL;
	char **names;
	bool ok = true;
	int n = scandir(folder, &entries, is_policy_file, by_octets);

	if (n < 0) {
		*ret_names = NULL;
		return errno == ENOENT ? 0 : -errno;
	}
	names = calloc((size_t)n + 1, sizeof(*names));
	for (int i = 0; i < n; i++) {
		if (names)
			names[i] = strdup(entries[i]->d_name);
		ok = ok && names && names[i];
		free(entries[i]);
	}
	free(entries);
	if (!ok || n > CFG_FILES_MAX) {
		cfg_names_free(names, (size_t)n);
		return ok ? -E2BIG : -ENOMEM;
	}
	*ret_names = names;
	return n;
}
