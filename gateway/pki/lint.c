/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/errors.h"

#include <openssl/x509v3.h>

#define SERIAL_OCTETS_MAX 20

struct lint {
	const X509 *x;
	struct findings *findings;
	bool is_ca;
	bool dirty;
};

static void fault(
	struct lint *l, const char *code, const char *where, const char *message)
{
	findings_add(l->findings, code, where, NULL, message);
	l->dirty = true;
}

/* RFC 5280 4.1.2.2 */
static void lint_serial(struct lint *l)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(l->x);
	const unsigned char *data = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);

	/* The content octets: a leading zero is dropped when the first bit is set. */
	if (len > 0 && data[0] & 0x80)
		len++;
	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		fault(l, "pki.serial", "serialNumber", "The serial number is negative.");
	else if (len == 0 || (len == 1 && data[0] == 0))
		fault(l, "pki.serial", "serialNumber", "The serial number is zero.");
	else if (len > SERIAL_OCTETS_MAX)
		fault(l, "pki.serial", "serialNumber",
			"The serial number is longer than 20 octets.");
}

/* RFC 5280 4.1.2.5: UTCTime until 2049, GeneralizedTime after, both in seconds and Z. */
static void lint_time(struct lint *l, const ASN1_TIME *t, const char *where)
{
	bool utc = ASN1_STRING_type(t) == V_ASN1_UTCTIME;
	const unsigned char *text = ASN1_STRING_get0_data(t);
	int len = ASN1_STRING_length(t);
	int64_t seconds;

	if (pki_asn1_time(t, &seconds) < 0) {
		fault(l, "pki.time", where, "The time cannot be read.");
		return;
	}
	if (len != (utc ? 13 : 15) || text[len - 1] != 'Z')
		fault(l, "pki.time", where,
			"The time is not written to the second in UTC.");
	if (!utc && seconds < INT64_C(2524608000))
		fault(l, "pki.time", where,
			"A year before 2050 is not written as UTCTime.");
}

/* RFC 5280 4.1.2.3, 4.1.1.2 */
static void lint_frame(struct lint *l)
{
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, l->x);
	if (X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(l->x)) != 0)
		fault(l, "pki.profile", "signatureAlgorithm",
			"The two signature algorithms of the certificate differ.");
	if (X509_get_version(l->x) != X509_VERSION_3)
		fault(l, "pki.profile", "version",
			"The certificate is not of version 3.");
	if (X509_NAME_entry_count(X509_get_issuer_name(l->x)) == 0)
		fault(l, "pki.profile", "issuer", "The issuer's name is empty.");
	if (l->is_ca && X509_NAME_entry_count(X509_get_subject_name(l->x)) == 0)
		fault(l, "pki.profile", "subject", "A CA's name is empty.");
}

static bool extension_known(int nid)
{
	static const int known[] = { NID_basic_constraints, NID_key_usage,
		NID_ext_key_usage, NID_name_constraints, NID_policy_constraints,
		NID_policy_mappings, NID_certificate_policies, NID_inhibit_any_policy,
		NID_subject_alt_name, NID_issuer_alt_name, NID_crl_distribution_points,
		NID_freshest_crl, NID_authority_key_identifier,
		NID_subject_key_identifier, NID_info_access, NID_sinfo_access,
		NID_qcStatements, NID_id_pkix_OCSP_noCheck };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == nid)
			return true;
	return false;
}

static void lint_extension(struct lint *l, X509_EXTENSION *e)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
	bool critical = X509_EXTENSION_get_critical(e) != 0;
	char oid[80];

	OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(e), 1);
	if (critical && !extension_known(nid))
		fault(l, "pki.extension", oid, "A critical extension is unknown.");
	if (!critical && nid == NID_basic_constraints && l->is_ca)
		fault(l, "pki.extension", oid,
			"The basic constraints of a CA are not critical.");
	if (!critical && (nid == NID_name_constraints || nid == NID_policy_constraints ||
				 nid == NID_inhibit_any_policy))
		fault(l, "pki.extension", oid,
			"A constraint on the path is not critical.");
	if (critical && (nid == NID_authority_key_identifier ||
				nid == NID_subject_key_identifier ||
				nid == NID_info_access || nid == NID_freshest_crl))
		fault(l, "pki.extension", oid,
			"An extension that must not be critical is.");
	if (!l->is_ca &&
		(nid == NID_name_constraints || nid == NID_policy_mappings ||
			nid == NID_policy_constraints || nid == NID_inhibit_any_policy))
		fault(l, "pki.extension", oid,
			"An extension of CAs is in a certificate that is no CA's.");
	if (extension_known(nid) && nid != NID_qcStatements) {
		void *value = X509V3_EXT_d2i(e);

		if (!value)
			fault(l, "pki.extension", oid, "An extension is malformed.");
		else if (X509V3_EXT_get(e)->it)
			ASN1_item_free(value, ASN1_ITEM_ptr(X509V3_EXT_get(e)->it));
		else
			X509V3_EXT_get(e)->ext_free(value);
	}
}

static void lint_extensions(struct lint *l)
{
	const STACK_OF(X509_EXTENSION) *list = X509_get0_extensions(l->x);

	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(list, i);

		if (X509v3_get_ext_by_OBJ(list, X509_EXTENSION_get_object(e), i) >= 0)
			fault(l, "pki.extension", "extensions",
				"An extension occurs twice.");
		lint_extension(l, e);
	}
}

/* RFC 5280 4.2.1.3, 4.2.1.9 */
static void lint_authority(struct lint *l)
{
	X509 *x = (X509 *)(uintptr_t)l->x;
	bool has_usage = X509_get_extension_flags(x) & EXFLAG_KUSAGE;
	bool may_sign = has_usage && (X509_get_key_usage(x) & KU_KEY_CERT_SIGN);

	if (l->is_ca && !has_usage)
		fault(l, "pki.usage", "keyUsage", "A CA has no key usage.");
	if (!l->is_ca && may_sign)
		fault(l, "pki.usage", "keyUsage",
			"A certificate that is no CA's may sign certificates.");
	if (X509_get_pathlen(x) >= 0 && (!l->is_ca || !may_sign))
		fault(l, "pki.usage", "basicConstraints",
			"A path length is given to who may not sign.");
	if (has_usage && X509_get_key_usage(x) == 0)
		fault(l, "pki.usage", "keyUsage", "The key usage is empty.");
}

int pki_certificate_lint(const X509 *certificate, struct findings *findings)
{
	X509 *x = (X509 *)(uintptr_t)certificate;
	struct lint l = { .x = certificate, .findings = findings };

	/* Fills the cache of extensions, which is why the object cannot be const inside.
	 */
	X509_check_purpose(x, -1, 0);
	l.is_ca = X509_get_extension_flags(x) & EXFLAG_CA;
	if (X509_get_extension_flags(x) & EXFLAG_INVALID)
		fault(&l, "pki.extension", "extensions", "An extension is malformed.");
	lint_serial(&l);
	lint_frame(&l);
	lint_time(&l, X509_get0_notBefore(certificate), "notBefore");
	lint_time(&l, X509_get0_notAfter(certificate), "notAfter");
	lint_extensions(&l);
	lint_authority(&l);
	pki_errors_clear();
	return l.dirty ? 0 : 1;
}
