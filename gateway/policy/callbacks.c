/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include "common/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HTTPS "https://"

static const struct cfg_key CALLBACKS_KEYS[] = {
	{ "allowed", CFG_STRINGS, true },
	{ 0 },
};

static int read_allowed(const struct cfg *c, struct policy *p)
{
	const config_setting_t *list;
	int r = cfg_check(c, cfg_root(c), CALLBACKS_KEYS);

	list = r == 0 ? config_setting_get_member(cfg_root(c), "allowed") : NULL;
	for (int i = 0; r == 0 && i < config_setting_length(list); i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);

		r = policy_grow(
			(void **)&p->callbacks, p->callback_count, sizeof(*p->callbacks));
		if (r == 0)
			r = cfg_text(
				c, s, p->callbacks[p->callback_count], CALLBACK_SIZE);
		if (r == 0 && !strchr(p->callbacks[p->callback_count], ':'))
			r = cfg_fail(c, s, "allowed has HOST:PORT");
		p->callback_count += r == 0;
	}
	return r;
}

/* Without the file nobody is called. */
int policy_load_callbacks(struct policy *p, const char *policies, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, policies, "callbacks.cfg");

	if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return r;
	r = cfg_open(path, &c, ret_error);
	return r == 0 ? read_allowed(&c, p) : r;
}

/* "HOST:PORT" of an https address, as the list has it. */
static bool address_of(const char *url, char ret[CALLBACK_SIZE])
{
	const char *host = url + strlen(HTTPS);
	size_t len;

	if (strncmp(url, HTTPS, strlen(HTTPS)) != 0)
		return false;
	len = strcspn(host, "/?#");
	if (len == 0 || memchr(host, '@', len))
		return false;
	return snprintf(ret, CALLBACK_SIZE, "%.*s%s", (int)len, host,
		       memchr(host, ':', len) ? "" : ":443") < CALLBACK_SIZE;
}

int policy_read_callback(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *s = config_setting_get_member(root, "callback");
	char address[CALLBACK_SIZE];
	int r = s ? cfg_text(c, s, partner->callback, sizeof(partner->callback)) : 0;

	if (!s || r < 0)
		return r;
	if (!address_of(partner->callback, address))
		return cfg_fail(c, s, "callback is an https address");
	for (size_t i = 0; i < p->callback_count; i++)
		if (strcmp(p->callbacks[i], address) == 0)
			return 0;
	return cfg_fail(c, s, "%s is not among the allowed of callbacks.cfg", address);
}

int policy_check_callers(const struct policy *p, const char *policies, char **ret_error)
{
	const char *beyond = NULL;
	size_t called = 0;

	for (size_t i = 0; i < p->partner_count; i++)
		if (partner_is_called(&p->partners[i]) && ++called == LIMIT_CALLERS + 1)
			beyond = p->partners[i].name;
	if (!beyond)
		return 0;
	if (asprintf(ret_error,
		    "%s/partners/%s.cfg:0: callback: %zu partners have one, and %d are "
		    "called back: let others read GET /v1/outcomes",
		    policies, beyond, called, LIMIT_CALLERS) < 0)
		*ret_error = NULL;
	return -EINVAL;
}
