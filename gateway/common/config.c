/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/config.h"

#include "common/durable.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONFIG_FILE_MAX (256u * 1024)
#define HOST_6 "0123456789abcdefABCDEF:."
#define HOST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"

const struct config_key CONFIG_KEYS[] = {
#define KEY(path, type, def, min, max, help) { path, CONFIG_##type, def, min, max, help },
#include "common/config_keys.def"
#undef KEY
	{ 0 },
};

struct config {
	config_t lib;
};

static const struct config_key *key_find(const char *path)
{
	for (const struct config_key *k = CONFIG_KEYS; k->path; k++)
		if (strcmp(k->path, path) == 0)
			return k;
	return NULL;
}

static bool type_matches(const config_setting_t *s, enum config_type type)
{
	int t = config_setting_type(s);

	switch (type) {
	case CONFIG_INT:
		return t == CONFIG_TYPE_INT || t == CONFIG_TYPE_INT64;
	case CONFIG_BOOL:
		return t == CONFIG_TYPE_BOOL;
	case CONFIG_STRING:
	case CONFIG_PROXY:
	default:
		return t == CONFIG_TYPE_STRING;
	}
}

/* Return: how many octets of it are a host. */
static size_t host_of(const char *text)
{
	size_t len;

	if (*text != '[')
		return strspn(text, HOST);
	len = 1 + strspn(text + 1, HOST_6);
	return len > 1 && text[len] == ']' ? len + 1 : 0;
}

bool config_is_proxy(const char *text)
{
	size_t len;
	long port;

	if (!*text)
		return true;
	if (strncasecmp(text, "http://", strlen("http://")) != 0)
		return false;
	text += strlen("http://");
	len = host_of(text);
	if (len == 0 || text[len] != ':')
		return false;
	text += len + 1;
	len = strspn(text, "0123456789");
	if (len == 0 || len > 5 || (text[len] != '\0' && strcmp(text + len, "/") != 0))
		return false;
	port = strtol(text, NULL, 10);
	return port > 0 && port <= 65535;
}

static const char *check_value(const config_setting_t *s, const struct config_key *k)
{
	long long v;

	if (!type_matches(s, k->type))
		return "has the wrong type";
	if (k->type == CONFIG_PROXY && !config_is_proxy(config_setting_get_string(s)))
		return "is not http://HOST:PORT";
	if (k->type != CONFIG_INT)
		return NULL;
	v = config_setting_get_int64(s);
	return v < k->min || v > k->max ? "is out of range" : NULL;
}

static int check_leaf(
	const char *file, const config_setting_t *s, const char *path, char **ret_error)
{
	const struct config_key *k = key_find(path);
	const char *wrong = k ? check_value(s, k) : "is not a known key";

	if (!wrong)
		return 0;
	if (asprintf(ret_error, "%s:%u: %s %s", file, config_setting_source_line(s), path,
		    wrong) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

/* Two levels, group.key, are all that the table has. */
static int check_settings(const char *file, const config_t *lib, char **ret_error)
{
	const config_setting_t *root = config_root_setting(lib);

	for (unsigned int i = 0; i < (unsigned int)config_setting_length(root); i++) {
		const config_setting_t *group = config_setting_get_elem(root, i);

		if (!config_setting_is_group(group))
			return check_leaf(
				file, group, config_setting_name(group), ret_error);
		for (unsigned int j = 0; j < (unsigned int)config_setting_length(group);
			j++) {
			const config_setting_t *s = config_setting_get_elem(group, j);
			char path[128];
			int r;

			snprintf(path, sizeof(path), "%s.%s", config_setting_name(group),
				config_setting_name(s));
			r = check_leaf(file, s, path, ret_error);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int parse(const char *path, char *text, config_t *lib, char **ret_error)
{
	if (strstr(text, "@include")) {
		if (asprintf(ret_error, "%s:1: @include is not allowed", path) < 0)
			*ret_error = NULL;
		return -EINVAL;
	}
	if (config_read_string(lib, text) == CONFIG_TRUE)
		return check_settings(path, lib, ret_error);
	if (asprintf(ret_error, "%s:%d: %s", path, config_error_line(lib),
		    config_error_text(lib)) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

int config_load(const char *path, struct config **ret_config, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	struct config *c;
	size_t len;
	int r = file_read(path, CONFIG_FILE_MAX, &text, &len);

	*ret_error = NULL;
	if (r < 0) {
		if (asprintf(ret_error, "%s: %s", path, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	config_init(&c->lib);
	r = parse(path, (char *)text, &c->lib, ret_error);
	if (r < 0) {
		config_free(c);
		return r;
	}
	*ret_config = c;
	return 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	config_destroy(&c->lib);
	free(c);
}

static const struct config_key *key_of(const char *path, enum config_type type)
{
	const struct config_key *k = key_find(path);

	if (!k || (k->type != type && (k->type != CONFIG_PROXY || type != CONFIG_STRING)))
		abort();
	return k;
}

const char *config_string(const struct config *c, const char *path)
{
	const char *value = key_of(path, CONFIG_STRING)->def;

	config_lookup_string(&c->lib, path, &value);
	return value;
}

long long config_int(const struct config *c, const char *path)
{
	const config_setting_t *s = config_lookup(&c->lib, path);

	return s && key_of(path, CONFIG_INT)
		       ? config_setting_get_int64(s)
		       : strtoll(key_of(path, CONFIG_INT)->def, NULL, 10);
}

bool config_bool(const struct config *c, const char *path)
{
	int value = strcmp(key_of(path, CONFIG_BOOL)->def, "true") == 0;

	config_lookup_bool(&c->lib, path, &value);
	return value != 0;
}
