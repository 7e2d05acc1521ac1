/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/profile_values.h"

#include "common/durable.h"
#include "connectors/request.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TEMPLATE_MAX 65536u

int profile_refuse(
	const struct profile_reader *r, const config_setting_t *s, const char *what)
{
	if (!*r->ret_error && asprintf(r->ret_error, "%s/%s:%u: %s", r->folder, r->file,
				      s ? config_setting_source_line(s) : 1, what) < 0)
		*r->ret_error = NULL;
	return -EINVAL;
}

/* NULL where it is not there. */
static int read_text(const struct profile_reader *r, const config_setting_t *group,
	const char *key, const char **ret)
{
	const config_setting_t *s = config_setting_get_member(group, key);

	*ret = s ? config_setting_get_string(s) : NULL;
	return s && !*ret ? profile_refuse(r, s, "must be a text") : 0;
}

int profile_text(const struct profile_reader *r, const config_setting_t *group,
	const char *key, char **ret)
{
	const char *text;
	int e = read_text(r, group, key, &text);

	if (e < 0 || !text)
		return e;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static bool has_prefix(const struct profile *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->namespace_count; i++)
		if (strlen(p->namespaces[i].prefix) == len &&
			memcmp(p->namespaces[i].prefix, name, len) == 0)
			return true;
	return len == 3 && memcmp(name, "xml", 3) == 0;
}

/* Of an expression: literals apart, a name before one colon is a prefix, before two an
 * axis. What a prefix stands for is else found out with the first answer. */
static bool prefixes_known(const struct profile *p, const char *text)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	while (*text) {
		size_t n = strspn(text, LETTERS);

		if (n && text[n] == ':' && text[n + 1] != ':' && !has_prefix(p, text, n))
			return false;
		if (n == 0 && (*text == '"' || *text == '\'') && strchr(text + 1, *text))
			text = strchr(text + 1, *text);
		text += n ? n : 1;
	}
	return true;
}

int profile_xpath(const struct profile_reader *r, const struct profile *p,
	const config_setting_t *group, const char *key, xmlXPathCompExpr **ret)
{
	const config_setting_t *s = config_setting_get_member(group, key);
	const char *text;
	int e = read_text(r, group, key, &text);

	if (e < 0 || !text)
		return e;
	*ret = xmlXPathCompile((const xmlChar *)text);
	if (!*ret)
		return profile_refuse(r, s, "is not XPath 1.0");
	return prefixes_known(p, text)
		       ? 0
		       : profile_refuse(r, s, "has a prefix that is not in namespaces");
}

int profile_template(
	const struct profile_reader *r, const config_setting_t *group, char **ret)
{
	char path[PATH_MAX];
	const char *name;
	uint8_t *text;
	size_t len;
	int e = read_text(r, group, "template", &name);

	if (e < 0 || !name)
		return e;
	if (strchr(name, '/') ||
		snprintf(path, sizeof(path), "%s/%s", r->folder, name) >= PATH_MAX ||
		file_read(path, TEMPLATE_MAX, &text, &len) < 0)
		return profile_refuse(r, group, "template cannot be read");
	*ret = (char *)text;
	return request_template_ok(*ret)
		       ? 0
		       : profile_refuse(r, config_setting_get_member(group, "template"),
				 "the template has a placeholder that there is not");
}

int profile_known_keys(const struct profile_reader *r, const config_setting_t *group,
	const char *const *keys)
{
	for (unsigned int i = 0; i < (unsigned int)config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, i);
		size_t k = 0;

		while (keys[k] && strcmp(keys[k], config_setting_name(s)) != 0)
			k++;
		if (!keys[k])
			return profile_refuse(r, s, "unknown key");
	}
	return 0;
}

void profile_number(const config_setting_t *group, const char *key, int *ret)
{
	const config_setting_t *s = config_setting_get_member(group, key);

	if (s)
		*ret = config_setting_get_int(s);
}

int profile_switch(const struct profile_reader *r, const config_setting_t *s, bool may,
	const char *what, bool *ret)
{
	if (!s)
		return 0;
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return profile_refuse(r, s, what);
	*ret = config_setting_get_bool(s);
	return *ret && !may ? profile_refuse(r, s, what) : 0;
}
