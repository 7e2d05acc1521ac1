/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Enrolment by issuer: whoever has a certificate of an authority or trust service, in the
 * name of an organisation, signs in a role, until the certificate itself is taken off.
 */
#include "policy/issuers.h"
#include "policy/load.h"

#include "pki/certificate.h"

#include <errno.h>
#include <string.h>

static const struct cfg_key ISSUER_KEYS[] = {
	{ "sha256", CFG_STRING, true },
	{ "organisation", CFG_STRING, true },
	{ "role", CFG_STRING, true },
	{ "name", CFG_STRING, true },
	{ 0 },
};

static bool same_issuer(const struct partner_issuer *a, const struct partner_issuer *b)
{
	return strcmp(a->sha256, b->sha256) == 0 &&
	       strcmp(a->organisation, b->organisation) == 0;
}

/* One organisation of one issuer is one partner's, in one role. */
static bool taken(const struct policy *p, const struct partner *partner,
	const struct partner_issuer *issuer)
{
	for (size_t i = 0; i < p->partner_count; i++)
		for (size_t k = 0; k < p->partners[i].issuer_count; k++)
			if (same_issuer(&p->partners[i].issuers[k], issuer))
				return true;
	for (size_t k = 0; k < partner->issuer_count; k++)
		if (same_issuer(&partner->issuers[k], issuer))
			return true;
	return false;
}

static int read_role(const struct cfg *c, const config_setting_t *group, char ret[16])
{
	const config_setting_t *s = config_setting_get_member(group, "role");
	int r = cfg_text(c, s, ret, 16);

	if (r < 0 || strcmp(ret, "officer") == 0 || strcmp(ret, "seal") == 0)
		return r;
	return cfg_fail(c, s, "role cannot be \"%s\"", ret);
}

static int read_issuer(const struct cfg *c, const struct policy *p,
	const config_setting_t *group, struct partner *partner)
{
	struct partner_issuer issuer = { 0 };
	int r = cfg_check(c, group, ISSUER_KEYS);

	if (r == 0)
		r = cfg_sha256(
			c, config_setting_get_member(group, "sha256"), issuer.sha256);
	if (r == 0)
		r = cfg_member_text(c, group, "organisation", issuer.organisation,
			sizeof(issuer.organisation));
	if (r == 0)
		r = read_role(c, group, issuer.as.role);
	if (r == 0)
		r = cfg_member_text(
			c, group, "name", issuer.as.name, sizeof(issuer.as.name));
	if (r < 0)
		return r;
	if (taken(p, partner, &issuer))
		return cfg_fail(c, group, "issuer and organisation are enrolled twice");
	partner->issuers[partner->issuer_count++] = issuer;
	return 0;
}

static int read_removed(
	const struct cfg *c, const config_setting_t *list, struct partner *partner)
{
	int count = config_setting_length(list), r = 0;

	if (count > POLICY_LIST_MAX)
		return cfg_fail(c, list, "more than %d removed signers", POLICY_LIST_MAX);
	for (int i = 0; r == 0 && i < count; i++)
		r = cfg_sha256(c, config_setting_get_elem(list, (unsigned int)i),
			partner->removed[partner->removed_count++]);
	return r;
}

int policy_read_issuers(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *list = config_setting_get_member(root, "issuers");
	const config_setting_t *removed = config_setting_get_member(root, "removed");
	int count = list ? config_setting_length(list) : 0, r = 0;

	if (count > PARTNER_ISSUERS_MAX)
		return cfg_fail(c, list, "more than %d issuers", PARTNER_ISSUERS_MAX);
	for (int i = 0; r == 0 && i < count; i++)
		r = read_issuer(
			c, p, config_setting_get_elem(list, (unsigned int)i), partner);
	if (r == 0 && removed)
		r = read_removed(c, removed, partner);
	return r;
}

bool policy_removed(const struct partner *partner, const char *sha256)
{
	for (size_t i = 0; i < partner->removed_count; i++)
		if (strcmp(partner->removed[i], sha256) == 0)
			return true;
	return false;
}

/* Is the issuer above the signer on its path? */
static bool issued_by(
	const char *issuer, const X509 *signer, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		const X509 *x = sk_X509_value(chain, i);
		char sha256[SHA256_TEXT_SIZE];

		if (X509_cmp(x, signer) != 0 && pki_certificate_sha256(x, sha256) == 0 &&
			strcmp(sha256, issuer) == 0)
			return true;
	}
	return false;
}

/* Does the subject have this organisation, and no other? */
static bool organisation_is(const X509 *signer, const char *wanted)
{
	const X509_NAME *name = X509_get_subject_name(signer);
	int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
	unsigned char *text = NULL;
	bool same;
	int n;

	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_organizationName, at) >= 0)
		return false;
	n = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	same = n > 0 && (size_t)n == strlen(wanted) &&
	       memcmp(text, wanted, (size_t)n) == 0;
	OPENSSL_free(text);
	return same;
}

const struct partner_signer *policy_issued(
	const struct partner *partner, const X509 *signer, const STACK_OF(X509) * chain)
{
	for (size_t i = 0; i < partner->issuer_count; i++) {
		const struct partner_issuer *issuer = &partner->issuers[i];

		if (organisation_is(signer, issuer->organisation) &&
			issued_by(issuer->sha256, signer, chain))
			return &issuer->as;
	}
	return NULL;
}
