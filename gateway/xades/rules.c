/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/rules.h"

#include "common/durable.h"
#include "common/encode.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#define RULES_MAX (256u * 1024)
#define POLICIES_MAX 64u

/* The rules as they stand under policies/, as the catalogue has its data. */
__asm__(".section .rodata\n"
	"rules_text:\n"
	".incbin \"policies/signature/rules.cfg\"\n"
	".byte 0\n"
	".previous\n");
extern const char rules_text[];

/* fixed: in the gate profile it cannot weigh less than FAIL. */
static const struct {
	const char *name;
	bool fixed;
} RULES[RULE_COUNT] = {
	[RULE_POLICY_KNOWN] = { "policy-known", false },
	[RULE_POLICY_DIGEST] = { "policy-digest", false },
	[RULE_TIMESTAMP_ORDER] = { "timestamp-order", false },
	[RULE_TIMESTAMP_PASSES] = { "timestamp-passes", false },
	[RULE_SIGNING_CERTIFICATE] = { "signing-certificate", false },
	[RULE_SIGNING_TIME] = { "signing-time", false },
	[RULE_TARGET] = { "target", false },
	[RULE_KEY_INFO] = { "key-info", false },
	[RULE_PLACE] = { "place", true },
	[RULE_FORMAT] = { "format", true },
	[RULE_PROPERTIES] = { "properties", true },
	[RULE_REFERENCE] = { "reference", true },
	[RULE_COVERAGE] = { "coverage", true },
	[RULE_CONTAINER_MIMETYPE] = { "container-mimetype", false },
	[RULE_CONTAINER_MANIFEST] = { "container-manifest", false },
	[RULE_CONTAINER_COVERAGE] = { "container-coverage", false },
	[RULE_CONTAINER_OTHER] = { "container-other", false },
};

static const char *const LEVELS[] = { [RULE_FAIL] = "FAIL",
	[RULE_WARN] = "WARN",
	[RULE_INFORM] = "INFORM",
	[RULE_IGNORE] = "IGNORE" };

static const char *const PROFILES[] = { [XADES_GATE] = "gate", [XADES_EIDAS] = "eidas" };

struct known_policy {
	char id[256];
	char digest[16];
	uint8_t value[64];
	size_t len;
};

static struct rules {
	enum rule_level levels[2][RULE_COUNT]; /* by profile */
	struct known_policy policies[POLICIES_MAX];
	size_t policy_count;
	bool loaded;
} rules;

static int find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}

static int rule_of(const char *name)
{
	for (int i = 0; name && i < RULE_COUNT; i++)
		if (strcmp(RULES[i].name, name) == 0)
			return i;
	return -EINVAL;
}

static int read_profile(const config_t *lib, enum xades_profile profile, struct rules *r)
{
	const config_setting_t *group = config_lookup(lib, PROFILES[profile]);
	int n = group ? config_setting_length(group) : 0;

	for (size_t i = 0; i < RULE_COUNT; i++)
		r->levels[profile][i] = RULE_IGNORE;
	for (int i = 0; i < n; i++) {
		const config_setting_t *s =
			config_setting_get_elem(group, (unsigned int)i);
		int rule = rule_of(config_setting_name(s));
		int level = find(LEVELS, 4, config_setting_get_string(s));

		if (rule < 0 || level < 0)
			return -EINVAL;
		r->levels[profile][rule] = (enum rule_level)level;
	}
	for (size_t i = 0; profile == XADES_GATE && i < RULE_COUNT; i++)
		if (RULES[i].fixed && r->levels[profile][i] != RULE_FAIL)
			return -EINVAL;
	return group ? 0 : -EINVAL;
}

static int read_policy(const config_setting_t *s, struct known_policy *ret)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	const char *id, *digest, *value;
	size_t len;

	if (!config_setting_lookup_string(s, "id", &id) ||
		!config_setting_lookup_string(s, "digest", &digest) ||
		!config_setting_lookup_string(s, "value", &value) ||
		strlen(id) >= sizeof(ret->id) || strlen(digest) >= sizeof(ret->digest) ||
		base64_decode(span_str(value), &octets, &len) < 0 ||
		len > sizeof(ret->value))
		return -EINVAL;
	memcpy(ret->id, id, strlen(id) + 1);
	memcpy(ret->digest, digest, strlen(digest) + 1);
	memcpy(ret->value, octets, len);
	ret->len = len;
	return 0;
}

static int read_policies(const config_t *lib, struct rules *r)
{
	const config_setting_t *list = config_lookup(lib, "policies");
	int n = list ? config_setting_length(list) : 0, e = 0;

	if ((size_t)n > POLICIES_MAX)
		return -EINVAL;
	for (int i = 0; e == 0 && i < n; i++)
		e = read_policy(config_setting_get_elem(list, (unsigned int)i),
			&r->policies[r->policy_count++]);
	return e;
}

/* Read the rules whole or not at all. Return: 0, -EINVAL with *ret_line. */
static int take(const char *text, int *ret_line)
{
	static struct rules fresh; /* too large for a stack, only used in set-up */
	config_t lib;
	int r = -EINVAL;

	fresh = (struct rules){ .loaded = true };
	*ret_line = 0;
	config_init(&lib);
	if (!strstr(text, "@include") && config_read_string(&lib, text) == CONFIG_TRUE) {
		r = read_profile(&lib, XADES_GATE, &fresh);
		if (r == 0)
			r = read_profile(&lib, XADES_EIDAS, &fresh);
		if (r == 0)
			r = read_policies(&lib, &fresh);
	} else {
		*ret_line = config_error_line(&lib);
	}
	config_destroy(&lib);
	if (r == 0)
		rules = fresh;
	return r;
}

int rules_setup(void)
{
	int line;

	return rules.loaded ? 0 : take(rules_text, &line);
}

int xades_rules_load(const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int line = 0, r = file_read(path, RULES_MAX, &text, &len);

	*ret_error = NULL;
	if (r == 0)
		r = strlen((const char *)text) == len ? take((const char *)text, &line)
						      : -EINVAL;
	if (r < 0 &&
		asprintf(ret_error, "%s:%d: %s", path, line,
			r == -EINVAL ? "an unknown rule or level, or one too low for gate"
				     : strerror(-r)) < 0)
		*ret_error = NULL;
	return r;
}

enum rule_level rules_level(enum xades_profile profile, enum sig_rule rule)
{
	return rules.levels[profile == XADES_EIDAS ? XADES_EIDAS : XADES_GATE][rule];
}

int rules_policy(const char *id, const char *digest, struct span value)
{
	int known = -ENOENT;

	for (size_t i = 0; id && i < rules.policy_count; i++) {
		const struct known_policy *p = &rules.policies[i];

		if (strcmp(p->id, id) != 0)
			continue;
		known = 0;
		if (digest && strcmp(p->digest, digest) == 0 &&
			span_equal(span_of(p->value, p->len), value))
			return 1;
	}
	return known;
}
