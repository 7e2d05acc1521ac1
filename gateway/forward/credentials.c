/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/durable.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#define CREDENTIALS_MAX 16384u

static int take(const config_t *c, const char *key, char **ret)
{
	const char *text;

	if (config_lookup_string(c, key, &text) != CONFIG_TRUE)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* A path is relative to credentials/destinations. */
static int take_path(
	const struct instance *instance, const config_t *c, const char *key, char **ret)
{
	char name[PATH_MAX], path[PATH_MAX];
	const char *text;
	int r;

	if (config_lookup_string(c, key, &text) != CONFIG_TRUE)
		return 0;
	if (snprintf(name, sizeof(name), "credentials/destinations/%s", text) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = instance_secret(instance, text[0] == '/' ? text : name, path);
	if (r < 0)
		return r;
	*ret = strdup(path);
	return *ret ? 0 : -ENOMEM;
}

static int take_all(
	const struct instance *instance, const config_t *c, struct credentials *ret)
{
	int r = take(c, "username", &ret->username);

	if (r == 0)
		r = take(c, "key", &ret->key);
	if (r == 0)
		r = take(c, "client_id", &ret->client_id);
	if (r == 0)
		r = take_path(instance, c, "certificate", &ret->certificate);
	return r == 0 ? take_path(instance, c, "private_key", &ret->private_key) : r;
}

/* The line of a setting that there is not, or that is no text; 0: none. */
static unsigned int wrong_setting(const config_t *c)
{
	static const char *const KEYS[] = { "username", "key", "client_id", "certificate",
		"private_key" };
	const config_setting_t *root = config_root_setting(c);

	for (unsigned int i = 0; i < (unsigned int)config_setting_length(root); i++) {
		const config_setting_t *s = config_setting_get_elem(root, i);
		size_t k = 0;

		while (k < sizeof(KEYS) / sizeof(KEYS[0]) &&
			strcmp(KEYS[k], config_setting_name(s)) != 0)
			k++;
		if (k == sizeof(KEYS) / sizeof(KEYS[0]) || !config_setting_get_string(s))
			return config_setting_source_line(s);
	}
	return 0;
}

int credentials_load(const struct instance *instance, const char *name,
	struct credentials *ret, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char file[128], path[PATH_MAX];
	config_t c;
	size_t len;
	unsigned int line = 0;
	int r;

	*ret = (struct credentials){ 0 };
	if (!name)
		return 0;
	snprintf(file, sizeof(file), "credentials/destinations/%s.cfg", name);
	r = instance_secret(instance, file, path);
	if (r == 0)
		r = file_read(path, CREDENTIALS_MAX, &text, &len);
	if (r < 0) {
		if (asprintf(ret_error, "%s: %s", file, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	config_init(&c);
	if (!text || strstr((char *)text, "@include") ||
		config_read_string(&c, (char *)text) != CONFIG_TRUE)
		r = -EINVAL;
	else if ((line = wrong_setting(&c)) > 0)
		r = -EINVAL;
	else
		r = take_all(instance, &c, ret);
	/* The line of the error, never its text: it may quote a secret. */
	if (r < 0 && asprintf(ret_error, "%s:%u: %s", file,
			     line ? line : (unsigned int)config_error_line(&c),
			     line ? "no setting of credentials, or no text"
				  : "cannot be read") < 0)
		*ret_error = NULL;
	config_destroy(&c);
	return r;
}

void credentials_done(struct credentials *c)
{
	free(c->username);
	free(c->key);
	free(c->client_id);
	free(c->certificate);
	free(c->private_key);
	*c = (struct credentials){ 0 };
}
