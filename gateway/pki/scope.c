/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/scope.h"

#include "pki/crl.h"

#include <openssl/err.h>

DEFINE_CLEANUP(CRL_DIST_POINTS *, CRL_DIST_POINTS_free)
DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)

static unsigned int reasons_of(const ASN1_BIT_STRING *flags)
{
	const unsigned char *data;
	int len;
	unsigned int reasons;

	if (!flags)
		return PKI_ALL_REASONS;
	data = ASN1_STRING_get0_data(flags);
	len = ASN1_STRING_length(flags);
	reasons = len > 0 ? data[0] : 0;
	if (len > 1)
		reasons |= (unsigned int)data[1] << 8;
	return reasons & PKI_ALL_REASONS;
}

static bool name_among(const X509_NAME *name, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DIRNAME &&
			X509_NAME_cmp(g->d.directoryName, name) == 0)
			return true;
	}
	return false;
}

static bool names_meet(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++)
		for (int j = 0; j < sk_GENERAL_NAME_num(b); j++)
			if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i),
				    sk_GENERAL_NAME_value(b, j)) == 0)
				return true;
	return false;
}

/* Full names, or a name relative to the CRL issuer that was made whole into dpname. */
static bool points_meet(const DIST_POINT_NAME *a, const DIST_POINT_NAME *b)
{
	if (a->type == 1 && b->type == 1)
		return a->dpname && b->dpname && X509_NAME_cmp(a->dpname, b->dpname) == 0;
	if (a->type == 1)
		return a->dpname && name_among(a->dpname, b->name.fullname);
	if (b->type == 1)
		return b->dpname && name_among(b->dpname, a->name.fullname);
	return names_meet(a->name.fullname, b->name.fullname);
}

static const X509_NAME *first_directory_name(const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DIRNAME)
			return g->d.directoryName;
	}
	return NULL;
}

/* One distribution point of a certificate against the CRL. */
static bool point_fits(DIST_POINT *dp, const X509_NAME *certificate_issuer, X509_CRL *crl,
	ISSUING_DIST_POINT *idp)
{
	const X509_NAME *crl_issuer = X509_CRL_get_issuer(crl), *base;

	if (dp->CRLissuer ? !name_among(crl_issuer, dp->CRLissuer)
			  : X509_NAME_cmp(certificate_issuer, crl_issuer) != 0)
		return false;
	if (!idp || !idp->distpoint)
		return true;
	if (!dp->distpoint) {
		const X509_NAME *name = first_directory_name(dp->CRLissuer);

		return name && idp->distpoint->type == 0 &&
		       name_among(name, idp->distpoint->name.fullname);
	}
	base = dp->CRLissuer ? first_directory_name(dp->CRLissuer) : certificate_issuer;
	if (!base || !DIST_POINT_set_dpname(dp->distpoint, base) ||
		!DIST_POINT_set_dpname(idp->distpoint, crl_issuer))
		return false;
	return points_meet(dp->distpoint, idp->distpoint);
}

static bool kind_fits(X509 *x, const ISSUING_DIST_POINT *idp)
{
	bool is_ca = X509_get_extension_flags(x) & EXFLAG_CA;

	if (!idp)
		return true;
	return idp->onlyattr <= 0 && !(idp->onlyuser > 0 && is_ca) &&
	       !(idp->onlyCA > 0 && !is_ca);
}

static bool is_delta(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

bool pki_scope_covers(X509 *x, X509_CRL *crl, unsigned int *ret_reasons)
{
	_cleanup_(ISSUING_DIST_POINT_freep) ISSUING_DIST_POINT *idp = NULL;
	_cleanup_(CRL_DIST_POINTS_freep) CRL_DIST_POINTS *points = NULL;
	const X509_NAME *issuer = X509_get_issuer_name(x);
	bool same = X509_NAME_cmp(issuer, X509_CRL_get_issuer(crl)) == 0;
	unsigned int own = 0, listed;

	if (!same && X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) < 0)
		return false;
	if (is_delta(crl))
		return false;
	idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
	if (!kind_fits(x, idp) || (!same && (!idp || idp->indirectCRL <= 0)))
		return false;
	listed = reasons_of(idp ? idp->onlysomereasons : NULL);
	points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		DIST_POINT *dp = sk_DIST_POINT_value(points, i);

		if (point_fits(dp, issuer, crl, idp))
			own |= reasons_of(dp->reasons);
	}
	/* A CRL of the issuer for everything needs no distribution point. */
	if (same && (!idp || !idp->distpoint))
		own = PKI_ALL_REASONS;
	*ret_reasons = own & listed;
	return *ret_reasons != 0;
}

static bool same_extension(const X509_CRL *a, const X509_CRL *b, int nid)
{
	int i = X509_CRL_get_ext_by_NID(a, nid, -1),
	    j = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (i < 0 || j < 0)
		return i < 0 && j < 0;
	return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, i)),
		       X509_EXTENSION_get_data(X509_CRL_get_ext(b, j))) == 0;
}

bool pki_delta_fits(X509_CRL *base, X509_CRL *delta)
{
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *base_number = NULL;
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *delta_number = NULL;
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *from = NULL;

	if (!is_delta(delta) ||
		X509_NAME_cmp(X509_CRL_get_issuer(base), X509_CRL_get_issuer(delta)) !=
			0 ||
		!same_extension(base, delta, NID_authority_key_identifier) ||
		!same_extension(base, delta, NID_issuing_distribution_point))
		return false;
	base_number = X509_CRL_get_ext_d2i(base, NID_crl_number, NULL, NULL);
	delta_number = X509_CRL_get_ext_d2i(delta, NID_crl_number, NULL, NULL);
	from = X509_CRL_get_ext_d2i(delta, NID_delta_crl, NULL, NULL);
	return base_number && delta_number && from &&
	       ASN1_INTEGER_cmp(from, base_number) <= 0 &&
	       ASN1_INTEGER_cmp(delta_number, base_number) > 0;
}
