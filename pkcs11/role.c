/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/role.h"

#include "common/clock.h"
#include "common/durable.h"

#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#define ROLES_FILE_MAX 65536u
#define RSA_BITS_MIN 2048
#define EC_BITS_MIN 256

static const struct mechanism MECHANISMS[] = {
	{ "rsa-sha256", SCHEME_RSA_PKCS1, "SHA256", 32, "RSA-3072" },
	{ "rsa-sha384", SCHEME_RSA_PKCS1, "SHA384", 48, "RSA-3072" },
	{ "rsa-sha512", SCHEME_RSA_PKCS1, "SHA512", 64, "RSA-3072" },
	{ "rsa-pss-sha256", SCHEME_RSA_PSS, "SHA256", 32, "RSA-3072" },
	{ "rsa-pss-sha384", SCHEME_RSA_PSS, "SHA384", 48, "RSA-3072" },
	{ "rsa-pss-sha512", SCHEME_RSA_PSS, "SHA512", 64, "RSA-3072" },
	{ "ecdsa-sha256", SCHEME_ECDSA, "SHA256", 32, "P-256" },
	{ "ecdsa-sha384", SCHEME_ECDSA, "SHA384", 48, "P-384" },
	{ "ecdsa-sha512", SCHEME_ECDSA, "SHA512", 64, "P-521" },
	{ 0 },
};

static const struct key_kind KEY_KINDS[] = {
	{ "RSA-2048", 2048, 0 },
	{ "RSA-3072", 3072, 0 },
	{ "RSA-4096", 4096, 0 },
	{ "P-256", 256, NID_X9_62_prime256v1 },
	{ "P-384", 384, NID_secp384r1 },
	{ "P-521", 521, NID_secp521r1 },
	{ 0 },
};

/* Programs that may be a role's peer: those that the gate's picture shows asking. */
static const char *const PEERS[] = { "intake", "seal", "queued", "admin" };

/* The one that holds every signature it gives out against the certificate. */
#define VERIFYING_PEER "intake"

const struct mechanism *mechanism_find(const char *name)
{
	for (const struct mechanism *m = MECHANISMS; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

const struct key_kind *key_kind_find(const char *name)
{
	for (const struct key_kind *k = KEY_KINDS; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

bool mechanism_fits(const struct mechanism *m, const EVP_PKEY *key)
{
	int type = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);

	if (m->scheme == SCHEME_ECDSA)
		return type == EVP_PKEY_EC && bits >= EC_BITS_MIN;
	return type == EVP_PKEY_RSA && bits >= RSA_BITS_MIN;
}

bool key_kind_is(const struct key_kind *kind, const EVP_PKEY *key)
{
	char group[64];
	size_t len;

	if (!kind->curve_nid)
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		       EVP_PKEY_get_bits(key) == kind->bits;
	return EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       OBJ_sn2nid(group) == kind->curve_nid;
}

int roles_find(const struct roles *roles, const char *name)
{
	for (size_t i = 0; i < roles->count; i++)
		if (strcmp(roles->list[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* A name goes into lines of the count log and into file names: letters, digits and '-'.
 */
static bool name_ok(const char *name, size_t size)
{
	if (!name[0] || strlen(name) >= size || name[0] == '-')
		return false;
	for (; *name; name++)
		if (!isascii(*name) ||
			(!islower(*name) && !isdigit(*name) && *name != '-'))
			return false;
	return true;
}

/* Each reader takes one setting. Return: NULL, or what is wrong with it. */
static const char *read_label(struct role *r, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	if (!text || !text[0] || strlen(text) >= sizeof(r->label))
		return "must be a text of 1 to 63 octets";
	memcpy(r->label, text, strlen(text) + 1);
	return NULL;
}

static const char *read_mechanism(struct role *r, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	r->mechanism = text ? mechanism_find(text) : NULL;
	return r->mechanism ? NULL : "names no known mechanism";
}

static const char *read_key(struct role *r, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	r->key = text ? key_kind_find(text) : NULL;
	return r->key ? NULL : "names no known kind of key";
}

static const char *read_peer(struct role *r, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	for (size_t i = 0; text && i < sizeof(PEERS) / sizeof(PEERS[0]); i++) {
		if (strcmp(text, PEERS[i]) == 0) {
			snprintf(r->peer, sizeof(r->peer), "%s", text);
			return NULL;
		}
	}
	return "must be intake, seal, queued or admin";
}

static bool read_number(const config_setting_t *s, long long max, long long *ret)
{
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return false;
	*ret = config_setting_get_int64(s);
	return *ret > 0 && *ret <= max;
}

static const char *read_max_per_minute(struct role *r, const config_setting_t *s)
{
	long long n;

	if (!read_number(s, UINT32_MAX, &n))
		return "must be a number above zero";
	r->max_per_minute = (uint32_t)n;
	return NULL;
}

static const char *read_total(struct role *r, const config_setting_t *s)
{
	long long n;

	if (!read_number(s, INT64_MAX, &n))
		return "must be a number above zero";
	r->total = (uint64_t)n;
	return NULL;
}

static const char *read_time(const config_setting_t *s, int64_t *ret)
{
	const char *text = config_setting_get_string(s);

	return text && clock_parse(text, ret) == 0 ? NULL : "must be an RFC 3339 time";
}

static const char *read_not_before(struct role *r, const config_setting_t *s)
{
	return read_time(s, &r->not_before);
}

static const char *read_not_after(struct role *r, const config_setting_t *s)
{
	return read_time(s, &r->not_after);
}

static const char *read_verified_by_peer(struct role *r, const config_setting_t *s)
{
	r->verified_by_peer = config_setting_get_bool(s) == CONFIG_TRUE;
	return config_setting_type(s) == CONFIG_TYPE_BOOL ? NULL
							  : "must be true or false";
}

static const struct setting {
	const char *name;
	const char *(*read)(struct role *r, const config_setting_t *s);
} SETTINGS[] = {
	{ "label", read_label },
	{ "mechanism", read_mechanism },
	{ "key", read_key },
	{ "peer", read_peer },
	{ "max_per_minute", read_max_per_minute },
	{ "total", read_total },
	{ "not_before", read_not_before },
	{ "not_after", read_not_after },
	{ "verified_by_peer", read_verified_by_peer },
	{ 0 },
};

struct complaint {
	const char *path;
	char **ret_error;
};

static int complain(const struct complaint *c, const config_setting_t *s,
	const char *role, const char *what)
{
	const char *name = s ? config_setting_name(s) : "";

	if (asprintf(c->ret_error, "%s:%u: role %s: %s %s", c->path,
		    s ? (unsigned int)config_setting_source_line(s) : 0u, role,
		    name ? name : "", what) < 0)
		*c->ret_error = NULL;
	return -EINVAL;
}

static int read_setting(
	const struct complaint *c, struct role *role, const config_setting_t *s)
{
	for (const struct setting *known = SETTINGS; known->name; known++) {
		const char *wrong;

		if (strcmp(known->name, config_setting_name(s)) != 0)
			continue;
		wrong = known->read(role, s);
		return wrong ? complain(c, s, role->name, wrong) : 0;
	}
	return complain(c, s, role->name, "is not a known setting");
}

/* What only the finished role shows. */
static const char *check_role(struct role *role, const struct roles *others)
{
	if (!role->label[0] || !role->mechanism || !role->peer[0])
		return "needs label, mechanism and peer";
	if (!role->key)
		role->key = key_kind_find(role->mechanism->default_key);
	if ((role->mechanism->scheme == SCHEME_ECDSA) != (role->key->curve_nid != 0))
		return "has a key that its mechanism cannot use";
	if (role->verified_by_peer && strcmp(role->peer, VERIFYING_PEER) != 0)
		return "has a peer that does not verify: verified_by_peer is for intake";
	if (role->not_after <= role->not_before)
		return "ends before it begins";
	for (size_t i = 0; i < others->count; i++) {
		if (strcmp(others->list[i].label, role->label) == 0)
			return "has the label of another role";
	}
	return NULL;
}

static int read_role(
	const struct complaint *c, struct roles *roles, const config_setting_t *group)
{
	struct role *role = &roles->list[roles->count];
	const char *name = config_setting_name(group), *wrong;

	if (!config_setting_is_group(group) || !name_ok(name, sizeof(role->name)))
		return complain(c, group, name, "is not a role: NAME: { ... };");
	if (strcmp(name, CALLBACKS_NAME) == 0)
		return complain(c, group, name,
			"is no role of its own: the key of " ROLE_OF_CALLBACKS
			" signs call-backs");
	if (roles->count == ROLES_MAX)
		return complain(c, group, name, "is one role too many");
	*role = (struct role){ .not_before = INT64_MIN, .not_after = INT64_MAX };
	snprintf(role->name, sizeof(role->name), "%s", name);
	for (unsigned int i = 0; i < (unsigned int)config_setting_length(group); i++) {
		int r = read_setting(c, role, config_setting_get_elem(group, i));

		if (r < 0)
			return r;
	}
	wrong = check_role(role, roles);
	if (wrong)
		return complain(c, group, name, wrong);
	roles->count++;
	return 0;
}

static int read_text(
	const struct complaint *c, config_t *lib, const char *text, struct roles *roles)
{
	const config_setting_t *root;

	if (strstr(text, "@include"))
		return complain(c, NULL, "any", "@include is not allowed");
	if (config_read_string(lib, text) != CONFIG_TRUE) {
		if (asprintf(c->ret_error, "%s:%d: %s", c->path, config_error_line(lib),
			    config_error_text(lib)) < 0)
			*c->ret_error = NULL;
		return -EINVAL;
	}
	root = config_root_setting(lib);
	for (unsigned int i = 0; i < (unsigned int)config_setting_length(root); i++) {
		int r = read_role(c, roles, config_setting_get_elem(root, i));

		if (r < 0)
			return r;
	}
	return roles->count ? 0 : complain(c, NULL, "any", "no role at all");
}

int roles_read(const char *path, struct roles *ret_roles, char **ret_error)
{
	struct complaint c = { .path = path, .ret_error = ret_error };
	_cleanup_(freep) uint8_t *text = NULL;
	struct roles roles = { 0 };
	config_t lib;
	size_t len;
	int r = file_read(path, ROLES_FILE_MAX, &text, &len);

	*ret_error = NULL;
	if (r < 0) {
		if (asprintf(ret_error, "%s: %s", path, strerror(-r)) < 0)
			*ret_error = NULL;
		return r;
	}
	config_init(&lib);
	r = read_text(&c, &lib, (const char *)text, &roles);
	config_destroy(&lib);
	if (r == 0)
		*ret_roles = roles;
	return r;
}
