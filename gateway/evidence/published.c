/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/published.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "pki/certificate.h"
#include "policy/cfg.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define CHAIN_MAX 8
#define CERTIFICATE_TEXT_MAX 8192
#define NOTICE_TEXT_MAX 500
#define ANSWER_MAX (1024u * 1024)

const char *const PUBLISHED_ROLE[PUBLISHED_ROLES] = { "seal", PUBLISHED_RECEIPT,
	"audit-head", "seal-inside" };

static const struct cfg_key ROOT_KEYS[] = {
	{ "notices", CFG_GROUPS, true },
	{ 0 },
};

static const struct cfg_key NOTICE_KEYS[] = {
	{ "role", CFG_STRING, true },
	{ "from", CFG_STRING, true },
	{ "certificate", CFG_STRING, true },
	{ "text", CFG_STRING, true },
	{ 0 },
};

/* The first of concatenated certificates, taken off the front; NULL at the end. */
static X509 *next_certificate(struct span *rest, struct span *ret_der)
{
	const uint8_t *p = rest->data;
	X509 *x = rest->len ? d2i_X509(NULL, &p, (long)rest->len) : NULL;

	ERR_clear_error();
	if (!x)
		return NULL;
	*ret_der = span_of(rest->data, (size_t)(p - rest->data));
	*rest = span_of(p, rest->len - ret_der->len);
	return x;
}

/* What a certificate says of itself. */
static json_t *facts_of(const X509 *x)
{
	_cleanup_(freep) char *subject = pki_name_text(X509_get_subject_name(x));
	char sha256[SHA256_TEXT_SIZE];
	int64_t from, to;

	if (pki_certificate_sha256(x, sha256) < 0 ||
		pki_certificate_validity(x, &from, &to) < 0)
		return NULL;
	return json_pack("{s:s, s:o, s:o, s:o}", "sha256", sha256, "subject",
		json_text(subject), "not_before", json_time(from), "not_after",
		json_time(to));
}

json_t *published_certificate(const char *role, const char *mechanism, struct span der)
{
	_cleanup_json_ json_t *chain = json_array(), *facts = NULL;
	struct span one;
	X509 *x;

	while (json_array_size(chain) < CHAIN_MAX &&
		(x = next_certificate(&der, &one)) != NULL) {
		_cleanup_(freep) char *text = base64_encode(one);

		if (!facts)
			facts = facts_of(x);
		X509_free(x);
		if (!text || json_array_append_new(chain, json_string(text)) < 0)
			return NULL;
	}
	if (!facts || der.len || json_object_set(facts, "chain", chain) < 0 ||
		json_object_set_new(facts, "role", json_text(role)) < 0 ||
		json_object_set_new(facts, "mechanism", json_text(mechanism)) < 0)
		return NULL;
	return TAKE(facts);
}

/* Base64 of one certificate, so that nothing but the policy's own files is read. */
static json_t *certificate_of(const struct cfg *c, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);
	_cleanup_(freep) uint8_t *der = NULL;
	struct span rest = { 0 }, one;
	json_t *facts = NULL;
	size_t len = 0;
	X509 *x = NULL;

	if (strlen(text) < CERTIFICATE_TEXT_MAX &&
		base64_decode(span_str(text), &der, &len) == 0)
		rest = span_of(der, len);
	x = next_certificate(&rest, &one);
	if (x && !rest.len)
		facts = facts_of(x);
	X509_free(x);
	if (!facts)
		cfg_fail(c, s, "certificate is no certificate in base64");
	else
		json_object_set_new(facts, "certificate", json_text(text));
	return facts;
}

static int read_notice(const struct cfg *c, const config_setting_t *group, json_t *list)
{
	const config_setting_t *from;
	char text[NOTICE_TEXT_MAX], role[32];
	json_t *notice;
	int64_t at;
	int r = cfg_check(c, group, NOTICE_KEYS);

	if (r == 0)
		r = cfg_member_text(c, group, "role", role, sizeof(role));
	if (r == 0)
		r = cfg_member_text(c, group, "text", text, sizeof(text));
	if (r < 0)
		return r;
	from = config_setting_get_member(group, "from");
	if (clock_parse(config_setting_get_string(from), &at) < 0)
		return cfg_fail(c, from, "from is a time as RFC 3339 has it");
	notice = certificate_of(c, config_setting_get_member(group, "certificate"));
	if (!notice)
		return -EINVAL;
	json_object_set_new(notice, "role", json_text(role));
	json_object_set_new(notice, "from", json_time(at));
	json_object_set_new(notice, "text", json_text(text));
	return json_array_append_new(list, notice) < 0 ? -ENOMEM : 0;
}

static int read_notices(const struct cfg *c, json_t *list)
{
	const config_setting_t *groups;
	int r = cfg_check(c, cfg_root(c), ROOT_KEYS);

	if (r < 0)
		return r;
	groups = config_setting_get_member(cfg_root(c), "notices");
	for (int i = 0; r == 0 && i < config_setting_length(groups); i++)
		r = read_notice(
			c, config_setting_get_elem(groups, (unsigned int)i), list);
	return r;
}

json_t *published_notices(const char *policies, char **ret_error)
{
	_cleanup_json_ json_t *list = json_array();
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r;

	*ret_error = NULL;
	if (snprintf(path, sizeof(path), "%s/" PUBLISHED_NOTICES, policies) >= PATH_MAX)
		return NULL;
	r = cfg_open(path, &c, ret_error);
	if (r == -ENOENT) {
		free(TAKE(*ret_error));
		return TAKE(list);
	}
	if (r == 0)
		r = read_notices(&c, list);
	return r == 0 ? TAKE(list) : NULL;
}

static int add_text(struct pki_material *m, const json_t *value)
{
	_cleanup_(freep) uint8_t *der = NULL;
	const char *text = json_string_value(value);
	size_t len;
	int r = text ? base64_decode(span_str(text), &der, &len) : -EINVAL;

	return r == 0 ? pki_material_add_certificate(m, span_of(der, len)) : r;
}

/* A role's own certificate, as one and its notices name it. */
static int add_own(struct published *p, const json_t *one, const json_t *own)
{
	const char *role = json_string_of(one, "role");
	int r = add_text(p->all, own);

	if (r == 0 && role && strcmp(role, PUBLISHED_RECEIPT) == 0)
		r = add_text(p->receipt, own);
	return r;
}

/* What is in use, the rest of each chain for paths alone, and of the notices what is to
 * come. */
static int add_answer(struct published *p, const json_t *answer)
{
	const json_t *one, *chain;
	size_t i, j;
	int r = 0, n = 0;

	json_array_foreach(json_object_get(answer, "certificates"), i, one)
	{
		json_array_foreach(json_object_get(one, "chain"), j, chain)
		{
			if (r == 0)
				r = j == 0 ? add_own(p, one, chain)
					   : add_text(p->all, chain);
			n++;
		}
	}
	json_array_foreach(json_object_get(answer, "notices"), i, one)
	{
		if (r == 0)
			r = add_own(p, one, json_object_get(one, "certificate"));
		n++;
	}
	return r < 0 ? r : n;
}

int published_load(struct published *p, const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_json_ json_t *answer = NULL;
	size_t len;
	int r = file_read(path, ANSWER_MAX, &data, &len);

	*ret_error = NULL;
	if (r < 0)
		return r;
	if (!len || data[0] != '{')
		return pki_material_load(p->all, PKI_CERTIFICATES, path, ret_error);
	answer = json_read(span_of(data, len), ANSWER_MAX);
	r = answer ? add_answer(p, answer) : -EINVAL;
	if (r == -EINVAL || r == 0) {
		*ret_error = strdup("is no answer of GET /v1/certificates");
		return -EINVAL;
	}
	p->answered |= r > 0;
	return r;
}
