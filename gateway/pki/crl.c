/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/crl.h"

#include "pki/der.h"
#include "pki/errors.h"
#include "pki/freshness.h"

#define OID_EXPIRED_CERTS_ON_CRL "2.5.29.60"

X509_CRL *pki_crl_parse(struct span der)
{
	const unsigned char *p = der.data;
	X509_CRL *crl;

	if (!der.data || der.len > PKI_CRL_MAX || !pki_der_exact(der))
		return NULL;
	crl = d2i_X509_CRL(NULL, &p, (long)der.len);
	if (crl && p != der.data + der.len) {
		X509_CRL_free(crl);
		crl = NULL;
	}
	pki_errors_clear();
	return crl;
}

int64_t pki_crl_expired_from(const X509_CRL *crl)
{
	const X509_EXTENSION *e = pki_extension_find(
		X509_CRL_get0_extensions(crl), OID_EXPIRED_CERTS_ON_CRL);
	const ASN1_OCTET_STRING *value;
	const unsigned char *p;
	ASN1_GENERALIZEDTIME *t;
	int64_t from = INT64_MAX;

	if (!e)
		return from;
	value = X509_EXTENSION_get_data((X509_EXTENSION *)(uintptr_t)e);
	p = ASN1_STRING_get0_data(value);
	t = d2i_ASN1_GENERALIZEDTIME(NULL, &p, ASN1_STRING_length(value));
	if (!t || pki_asn1_time(t, &from) < 0)
		from = INT64_MAX;
	ASN1_GENERALIZEDTIME_free(t);
	pki_errors_clear();
	return from;
}

/* RFC 5280 5.1.2.1: the version is absent or v2. An explicit v1 cannot be told apart
 * through the parsed object. */
static bool version_well_coded(X509_CRL *crl)
{
	unsigned char *tbs = NULL;
	int len = i2d_re_X509_CRL_tbs(crl, &tbs);
	const unsigned char *p = tbs;
	long inner;
	int tag, class;
	bool good = false;

	if (len > 0 && !(ASN1_get_object(&p, &inner, &tag, &class, len) & 0x80))
		good = p[0] != V_ASN1_INTEGER || (p[1] == 1 && p[2] == 1);
	OPENSSL_free(tbs);
	return good;
}

static const char *list_fault(const X509_CRL *crl)
{
	const STACK_OF(X509_EXTENSION) *list = X509_CRL_get0_extensions(crl);

	if (X509_CRL_get_version(crl) == 0 && sk_X509_EXTENSION_num(list) > 0)
		return "a version 1 list has extensions";
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(list, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));

		if (X509v3_get_ext_by_OBJ(list, X509_EXTENSION_get_object(e), i) >= 0)
			return "an extension occurs twice";
		if (X509_EXTENSION_get_critical(e) &&
			nid != NID_issuing_distribution_point && nid != NID_delta_crl &&
			nid != NID_authority_key_identifier && nid != NID_crl_number)
			return "a critical extension is unknown";
	}
	return NULL;
}

static const char *scope_fault(const X509_CRL *crl)
{
	_cleanup_(ISSUING_DIST_POINT_freep) ISSUING_DIST_POINT *idp = NULL;
	int critical, only;

	idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
	if (!idp)
		return critical == -1 ? NULL
				      : "its issuing distribution point is malformed";
	only = (idp->onlyuser > 0) + (idp->onlyCA > 0) + (idp->onlyattr > 0);
	if (only > 1)
		return "its issuing distribution point contradicts itself";
	if (!idp->distpoint && !only && !idp->onlysomereasons && idp->indirectCRL <= 0)
		return "its issuing distribution point is empty";
	return NULL;
}

static const char *numbers_fault(const X509_CRL *crl)
{
	static const int numbers[] = { NID_crl_number, NID_delta_crl };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int critical;
		ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, numbers[i], &critical, NULL);
		bool negative = n && ASN1_STRING_type(n) == V_ASN1_NEG_INTEGER;

		ASN1_INTEGER_free(n);
		if ((!n && critical != -1) || negative)
			return "its number is malformed";
	}
	return NULL;
}

static const char *entry_fault(const X509_REVOKED *entry, bool v1)
{
	const STACK_OF(X509_EXTENSION) *list = X509_REVOKED_get0_extensions(entry);
	int64_t t;

	if (pki_asn1_time(X509_REVOKED_get0_revocationDate(entry), &t) < 0)
		return "an entry has no readable date";
	if (v1 && sk_X509_EXTENSION_num(list) > 0)
		return "a version 1 list has extensions in an entry";
	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(list, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));

		if (X509_EXTENSION_get_critical(e) && nid != NID_certificate_issuer &&
			nid != NID_crl_reason && nid != NID_invalidity_date)
			return "a critical extension of an entry is unknown";
	}
	return NULL;
}

const char *pki_crl_fault(X509_CRL *crl)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
	bool v1 = X509_CRL_get_version(crl) == 0;
	const char *fault = NULL;

	if (X509_CRL_get_version(crl) > 1 || !version_well_coded(crl))
		fault = "its version is wrong";
	if (!fault)
		fault = list_fault(crl);
	if (!fault)
		fault = scope_fault(crl);
	if (!fault)
		fault = numbers_fault(crl);
	for (int i = 0; !fault && i < sk_X509_REVOKED_num(entries); i++)
		fault = entry_fault(sk_X509_REVOKED_value(entries, i), v1);
	pki_errors_clear();
	return fault;
}

bool pki_may_sign_crls(X509 *issuer)
{
	return !(X509_get_extension_flags(issuer) & EXFLAG_KUSAGE) ||
	       (X509_get_key_usage(issuer) & KU_CRL_SIGN);
}

static const char *crl_trouble(X509_CRL *crl, X509 *issuer, int64_t at)
{
	int64_t this_update, next_update = INT64_MAX;
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	const char *fault = pki_crl_fault(crl);

	if (fault)
		return fault;
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0)
		return "another authority issued it";
	if (!pki_may_sign_crls(issuer))
		return "the issuer's key usage does not allow it to sign CRLs";
	if (X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
		return "its signature is wrong";
	if (pki_asn1_time(X509_CRL_get0_lastUpdate(crl), &this_update) < 0 ||
		(next && pki_asn1_time(next, &next_update) < 0))
		return "its times cannot be read";
	if (this_update > at)
		return "it was issued after the time asked";
	if (!pki_fresh(this_update, next_update, at, 0))
		return "it is out of date";
	return "";
}

int pki_crl_verify(X509_CRL *crl, X509 *issuer, int64_t at, const char **ret_reason)
{
	*ret_reason = crl_trouble(crl, issuer, at);
	pki_errors_clear();
	return (*ret_reason)[0] == '\0';
}
