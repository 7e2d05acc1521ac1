/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/sources.h"

#include "common/config.h"
#include "policy/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVERY_MIN 1
#define EVERY_MAX (7 * 24 * 3600)
#define TIMEOUT_DEFAULT 20
#define TIMEOUT_MAX 300
#define OCTETS_DEFAULT (32 * 1024 * 1024)
#define OCTETS_MAX (64 * 1024 * 1024)

static const struct cfg_key KEYS[] = {
	{ "hosts", CFG_STRINGS, true },
	{ "addresses", CFG_STRING, false },
	{ "proxy", CFG_STRING, false },
	{ "timeout_s", CFG_INT, false },
	{ "max_octets", CFG_INT, false },
	{ "revocation", CFG_GROUPS, false },
	{ "ocsp", CFG_GROUPS, false },
	{ "lists", CFG_GROUP, false },
	{ 0 },
};

static const struct cfg_key REVOCATION_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "url", CFG_STRING, true },
	{ "issuer", CFG_STRING, true },
	{ "every_s", CFG_INT, true },
	{ 0 },
};

static const struct cfg_key OCSP_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "url", CFG_STRING, true },
	{ "issuer", CFG_STRING, true },
	{ "certificate", CFG_STRING, true },
	{ "nonce", CFG_STRING, false },
	{ "every_s", CFG_INT, true },
	{ 0 },
};

static const struct cfg_key LISTS_KEYS[] = {
	{ "lotl", CFG_STRING, true },
	{ "journal", CFG_STRING, true },
	{ "every_s", CFG_INT, true },
	{ 0 },
};

/* HOST or HOST:PORT of a URL, borrowed. NULL: not one that may be asked. */
static const char *authority_of(const char *url, size_t *ret_len)
{
	const char *start = strncmp(url, "http://", 7) == 0    ? url + 7
			    : strncmp(url, "https://", 8) == 0 ? url + 8
							       : NULL;

	if (!start)
		return NULL;
	*ret_len = strcspn(start, "/?#");
	/* A name and password before the host would hide which host it is. */
	return *ret_len > 0 && !memchr(start, '@', *ret_len) &&
			       !memchr(start, '\\', *ret_len)
		       ? start
		       : NULL;
}

bool sources_allow(const struct sources *s, const char *url)
{
	size_t len = 0;
	const char *host = authority_of(url, &len);

	for (size_t i = 0; host && i < s->host_count; i++)
		if (strlen(s->hosts[i]) == len &&
			strncasecmp(s->hosts[i], host, len) == 0)
			return true;
	return false;
}

static int take_url(const struct cfg *c, const struct sources *s,
	const config_setting_t *group, const char *name, char ret[SOURCE_URL_SIZE])
{
	int r = cfg_member_text(c, group, name, ret, SOURCE_URL_SIZE);

	if (r == 0 && !sources_allow(s, ret))
		return cfg_fail(c, config_setting_get_member(group, name),
			"%s: not http(s), or its host is not in hosts", ret);
	return r;
}

static int take_file(const struct cfg *c, const char *policies,
	const config_setting_t *group, const char *name, char ret[PATH_MAX])
{
	char file[SOURCE_HOST_SIZE];
	_cleanup_(closep) int fd = -1;
	int r = cfg_member_text(c, group, name, file, sizeof(file));

	if (r == 0)
		r = policy_join(ret, policies, file);
	if (r < 0)
		return r;
	/* access(2) would go without the rights of who judges on an appliance */
	fd = open(ret, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return cfg_fail(c, config_setting_get_member(group, name), "%s: %s", ret,
			strerror(errno));
	return 0;
}

static int take_int(const struct cfg *c, const config_setting_t *group, const char *name,
	int min, int max, int *ret)
{
	const config_setting_t *s = config_setting_get_member(group, name);

	if (!s)
		return 0;
	*ret = config_setting_get_int(s);
	return *ret >= min && *ret <= max
		       ? 0
		       : cfg_fail(c, s, "%s must be %d to %d", name, min, max);
}

/* What CRLs and OCSP responses have in common. */
static int take_common(const struct cfg *c, const struct sources *s, const char *policies,
	const config_setting_t *group, struct source *new)
{
	int r = cfg_member_text(c, group, "name", new->name, sizeof(new->name));
	if (r == 0 && !cfg_name_ok(new->name))
		return cfg_fail(c, group, "%s: not a name", new->name);
	if (r == 0 && strcmp(new->name, "lists") == 0)
		return cfg_fail(c, group, "lists is the name of the trusted lists");
	for (size_t i = 0; r == 0 && i < s->count; i++)
		if (strcmp(s->list[i].name, new->name) == 0)
			return cfg_fail(c, group, "%s: there are two", new->name);
	if (r == 0)
		r = take_url(c, s, group, "url", new->url);
	if (r == 0)
		r = take_file(c, policies, group, "issuer", new->issuer);
	if (r == 0)
		r = take_int(c, group, "every_s", EVERY_MIN, EVERY_MAX, &new->every_s);
	return r;
}

static int take_crl(const struct cfg *c, const struct sources *s, const char *policies,
	const config_setting_t *group, struct source *new)
{
	int r = cfg_check(c, group, REVOCATION_KEYS);

	return r == 0 ? take_common(c, s, policies, group, new) : r;
}

static int take_ocsp(const struct cfg *c, const struct sources *s, const char *policies,
	const config_setting_t *group, struct source *new)
{
	const config_setting_t *nonce = config_setting_get_member(group, "nonce");
	const char *word = nonce ? config_setting_get_string(nonce) : "accept";
	int r = cfg_check(c, group, OCSP_KEYS);

	if (r == 0)
		r = take_common(c, s, policies, group, new);
	if (r == 0)
		r = take_file(c, policies, group, "certificate", new->certificate);
	if (r < 0)
		return r;
	new->nonce_demanded = strcmp(word, "demand") == 0;
	return new->nonce_demanded || strcmp(word, "accept") == 0
		       ? 0
		       : cfg_fail(c, nonce, "nonce is accept or demand");
}

static int take_rows(const struct cfg *c, struct sources *s, const char *policies,
	const char *name,
	int (*take)(const struct cfg *c, const struct sources *s, const char *policies,
		const config_setting_t *group, struct source *new))
{
	const config_setting_t *list = config_setting_get_member(cfg_root(c), name);
	int n = list ? config_setting_length(list) : 0, r = 0;

	if (s->count + (size_t)n > SOURCES_MAX)
		return cfg_fail(c, list, "more than %d", SOURCES_MAX);
	for (int i = 0; r == 0 && i < n; i++) {
		r = take(c, s, policies, config_setting_get_elem(list, (unsigned int)i),
			&s->list[s->count]);
		if (r == 0)
			s->count++;
	}
	return r;
}

static int take_sources(const struct cfg *c, struct sources *s, const char *policies)
{
	int r;

	s->list = calloc(SOURCES_MAX, sizeof(*s->list));
	if (!s->list)
		return -ENOMEM;
	r = take_rows(c, s, policies, "revocation", take_crl);
	return r == 0 ? take_rows(c, s, policies, "ocsp", take_ocsp) : r;
}

static int take_lists(const struct cfg *c, struct sources *s, const char *policies)
{
	const config_setting_t *group = config_setting_get_member(cfg_root(c), "lists");
	int r = group ? cfg_check(c, group, LISTS_KEYS) : 0;

	if (!group || r < 0)
		return r;
	r = take_url(c, s, group, "lotl", s->lists.lotl);
	if (r == 0)
		r = take_file(c, policies, group, "journal", s->lists.journal);
	return r == 0 ? take_int(c, group, "every_s", EVERY_MIN, EVERY_MAX,
				&s->lists.every_s)
		      : r;
}

static int take_hosts(const struct cfg *c, struct sources *s)
{
	int n;

	s->hosts = calloc(SOURCE_HOSTS_MAX, SOURCE_HOST_SIZE);
	if (!s->hosts)
		return -ENOMEM;
	n = cfg_texts(c, config_setting_get_member(cfg_root(c), "hosts"), s->hosts[0],
		SOURCE_HOST_SIZE, SOURCE_HOSTS_MAX);
	if (n < 0)
		return n;
	s->host_count = (size_t)n;
	return 0;
}

static int take_addresses(const struct cfg *c, bool test, struct sources *s)
{
	const config_setting_t *a = config_setting_get_member(cfg_root(c), "addresses");
	const char *word = a ? config_setting_get_string(a) : "public";

	if (strcmp(word, "public") == 0)
		return 0;
	s->any_address = true;
	if (strcmp(word, "any") != 0)
		return cfg_fail(c, a, "addresses is public or any");
	return test ? 0
		    : cfg_fail(c, a, "only a TEST instance may fetch from any address");
}

static int take_proxy(const struct cfg *c, struct sources *s)
{
	const config_setting_t *p = config_setting_get_member(cfg_root(c), "proxy");
	int r = p ? cfg_member_text(c, cfg_root(c), "proxy", s->proxy, sizeof(s->proxy))
		  : 0;

	return r < 0 || config_is_proxy(s->proxy)
		       ? r
		       : cfg_fail(c, p, "proxy is not http://HOST:PORT");
}

static int take_all(
	const struct cfg *c, const char *policies, bool test, struct sources *s)
{
	const config_setting_t *root = cfg_root(c);
	int r = cfg_check(c, root, KEYS);

	if (r == 0)
		r = take_hosts(c, s);
	if (r == 0)
		r = take_addresses(c, test, s);
	if (r == 0)
		r = take_int(c, root, "timeout_s", 1, TIMEOUT_MAX, &s->timeout_s);
	if (r == 0)
		r = take_int(c, root, "max_octets", 1024, OCTETS_MAX, &s->max_octets);
	if (r == 0)
		r = take_proxy(c, s);
	if (r == 0)
		r = take_sources(c, s, policies);
	return r == 0 ? take_lists(c, s, policies) : r;
}

int sources_load(
	const char *policies, bool test, struct sources **ret_sources, char **ret_error)
{
	_cleanup_(sources_freep) struct sources *s = calloc(1, sizeof(*s));
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	struct stat st;
	int r;

	*ret_error = NULL;
	if (!s)
		return -ENOMEM;
	s->timeout_s = TIMEOUT_DEFAULT;
	s->max_octets = OCTETS_DEFAULT;
	r = policy_join(path, policies, "trust/sources.cfg");
	if (r == 0 && (stat(path, &st) == 0 || errno != ENOENT)) {
		r = cfg_open(path, &c, ret_error);
		if (r == 0)
			r = take_all(&c, policies, test, s);
	}
	if (r < 0)
		return r;
	*ret_sources = TAKE(s);
	return 0;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	free(s->list);
	free(s->hosts);
	free(s);
}
