/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/token.h"

#include "common/encode.h"
#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/errors.h"
#include "pki/strength.h"
#include "pki/token_parts.h"

#include <errno.h>
#include <openssl/cms.h>
#include <openssl/ess.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#define TOKEN_MAX (1024u * 1024)

DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
DEFINE_CLEANUP(TS_TST_INFO *, TS_TST_INFO_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

/* A token while it is judged. */
struct token {
	CMS_ContentInfo *cms;
	TS_TST_INFO *info;
	CMS_SignerInfo *signer_info;
	STACK_OF(X509) * carried;
};

static void token_done(struct token *t)
{
	sk_X509_pop_free(t->carried, X509_free);
	CMS_ContentInfo_free(t->cms);
	TS_TST_INFO_free(t->info);
}

static int say(struct token_result *r, enum token_outcome outcome, const char *why)
{
	char *reason = strdup(why);

	if (!reason)
		return -ENOMEM;
	free(r->reason);
	r->reason = reason;
	r->outcome = outcome;
	return 0;
}

static CMS_ContentInfo *read_signed_data(struct span der, STACK_OF(X509) * *ret_carried)
{
	CMS_ContentInfo *cms;

	if (!der.data || der.len > TOKEN_MAX)
		return NULL;
	cms = token_parts_read(der, ret_carried);
	if (cms && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

static TS_TST_INFO *read_info(CMS_ContentInfo *cms)
{
	ASN1_OCTET_STRING **content = CMS_get0_content(cms);
	const unsigned char *p, *start;
	TS_TST_INFO *info;
	int len;

	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_id_smime_ct_TSTInfo ||
		!content || !*content)
		return NULL;
	p = start = ASN1_STRING_get0_data(*content);
	len = ASN1_STRING_length(*content);
	info = d2i_TS_TST_INFO(NULL, &p, len);
	if (info && p == start + len && TS_TST_INFO_get_version(info) == 1)
		return info;
	TS_TST_INFO_free(info);
	return NULL;
}

static bool info_has_unknown_critical(TS_TST_INFO *info)
{
	for (int i = 0; i < TS_TST_INFO_get_ext_count(info); i++)
		if (X509_EXTENSION_get_critical(TS_TST_INFO_get_ext(info, i)))
			return true;
	return false;
}

static const EVP_MD *imprint_digest(TS_TST_INFO *info)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL,
		TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info)));
	return EVP_get_digestbyobj(oid);
}

static void note_facts(TS_TST_INFO *info, struct token_result *r)
{
	const ASN1_OBJECT *oid;
	char policy[128];

	X509_ALGOR_get0(&oid, NULL, NULL,
		TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info)));
	snprintf(r->digest_name, sizeof(r->digest_name), "%s",
		pki_digest_name(OBJ_obj2nid(oid)));
	if (OBJ_obj2txt(policy, sizeof(policy), TS_TST_INFO_get_policy_id(info), 1) > 0)
		r->policy = strdup(policy);
	r->serial = pki_integer_text(TS_TST_INFO_get_serial(info));
}

/* Return: 0 with the outcome still undecided when the format is right. */
static int read_token(struct span der, struct token *t, struct token_result *r)
{
	STACK_OF(CMS_SignerInfo) * signers;

	t->cms = read_signed_data(der, &t->carried);
	t->info = t->cms ? read_info(t->cms) : NULL;
	if (!t->info)
		return say(r, TOKEN_MALFORMED, "it is not a time-stamp token");
	signers = CMS_get0_SignerInfos(t->cms);
	if (sk_CMS_SignerInfo_num(signers) != 1)
		return say(r, TOKEN_MALFORMED, "a token has exactly one signer");
	t->signer_info = sk_CMS_SignerInfo_value(signers, 0);
	if (info_has_unknown_critical(t->info))
		return say(r, TOKEN_MALFORMED, "a critical extension is unknown");
	if (pki_asn1_time(TS_TST_INFO_get_time(t->info), &r->gen_time) < 0)
		return say(r, TOKEN_MALFORMED, "its time cannot be read");
	note_facts(t->info, r);
	return 0;
}

static int check_imprint(const struct token *t, struct span data, struct token_result *r)
{
	const ASN1_OCTET_STRING *imprint =
		TS_MSG_IMPRINT_get_msg(TS_TST_INFO_get_msg_imprint(t->info));
	const EVP_MD *md = imprint_digest(t->info);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!data.data)
		return 0;
	if (!md)
		return say(r, TOKEN_MALFORMED, "its imprint is of no known algorithm");
	if (!EVP_Digest(data.data, data.len, digest, &len, md, NULL))
		return -EIO;
	if (!span_equal(
		    span_of(digest, len), span_of(ASN1_STRING_get0_data(imprint),
						  (size_t)ASN1_STRING_length(imprint))))
		return say(r, TOKEN_IMPRINT_MISMATCH, "it is about other data");
	return 0;
}

/* The signer's certificate by the token's signer identifier, out of the token or
 * material. */
static X509 *find_signer(const struct token *t, const STACK_OF(X509) * list)
{
	for (int i = 0; i < sk_X509_num(list); i++)
		if (CMS_SignerInfo_cert_cmp(t->signer_info, sk_X509_value(list, i)) == 0)
			return sk_X509_value(list, i);
	return NULL;
}

static void note_signer(const struct token *t, X509 *signer, struct token_result *r)
{
	X509_ALGOR *digest;
	const ASN1_OBJECT *oid;

	X509_up_ref(signer);
	r->signer = signer;
	pki_key_info(X509_get0_pubkey(signer), &r->key);
	CMS_SignerInfo_get0_algs(t->signer_info, NULL, NULL, &digest, NULL);
	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	snprintf(r->signature_digest, sizeof(r->signature_digest), "%s",
		pki_digest_name(OBJ_obj2nid(oid)));
}

static bool has_attribute(const struct token *t, int nid)
{
	return CMS_signed_get_attr_by_NID(t->signer_info, nid, -1) >= 0;
}

/* The one value of a signed attribute that occurs once, as DER; data NULL when not. */
static struct span signed_attribute(const struct token *t, int nid)
{
	int i = CMS_signed_get_attr_by_NID(t->signer_info, nid, -1);
	X509_ATTRIBUTE *a = i < 0 ? NULL : CMS_signed_get_attr(t->signer_info, i);
	const ASN1_TYPE *value;

	if (!a || X509_ATTRIBUTE_count(a) != 1 ||
		CMS_signed_get_attr_by_NID(t->signer_info, nid, i) >= 0)
		return span_of(NULL, 0);
	value = X509_ATTRIBUTE_get0_type(a, 0);
	if (!value || value->type != V_ASN1_SEQUENCE)
		return span_of(NULL, 0);
	return span_of(ASN1_STRING_get0_data(value->value.sequence),
		(size_t)ASN1_STRING_length(value->value.sequence));
}

/* A signing certificate attribute with only the first of its identifiers: the others name
 * CAs and attribute certificates, which prove nothing here. The caller frees *ret_der. */
static int first_identifier(struct span attribute, uint8_t **ret_der, size_t *ret_len)
{
	const unsigned char *p = attribute.data, *id;
	unsigned char *q;
	long len;
	int tag, class, inner, outer, size;

	/* SigningCertificate, its list, the first identifier. */
	for (int i = 0; i < 2; i++)
		if (ASN1_get_object(&p, &len, &tag, &class,
			    attribute.data + attribute.len - p) != V_ASN1_CONSTRUCTED ||
			tag != V_ASN1_SEQUENCE)
			return -EINVAL;
	id = p;
	if (ASN1_get_object(&p, &len, &tag, &class, len) != V_ASN1_CONSTRUCTED)
		return -EINVAL;
	inner = (int)(p + len - id);
	outer = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
	size = ASN1_object_size(1, outer, V_ASN1_SEQUENCE);
	q = *ret_der = size > 0 ? malloc((size_t)size) : NULL;
	if (!q)
		return -ENOMEM;
	ASN1_put_object(&q, 1, outer, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	ASN1_put_object(&q, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(q, id, (size_t)inner);
	*ret_len = (size_t)size;
	return 0;
}

/* RFC 5816: ESSCertID or ESSCertIDv2 names the signer's certificate; where both stand,
 * both must. */
static bool names_signer(const struct token *t, const STACK_OF(X509) * only, int nid)
{
	_cleanup_(freep) uint8_t *der = NULL;
	bool v2 = nid == NID_id_smime_aa_signingCertificateV2;
	struct span attribute = signed_attribute(t, nid);
	ESS_SIGNING_CERT *one = NULL;
	ESS_SIGNING_CERT_V2 *two = NULL;
	const unsigned char *p;
	size_t len;
	bool yes;

	if (!attribute.data || first_identifier(attribute, &der, &len) < 0)
		return false;
	p = der;
	if (v2)
		two = d2i_ESS_SIGNING_CERT_V2(NULL, &p, (long)len);
	else
		one = d2i_ESS_SIGNING_CERT(NULL, &p, (long)len);
	yes = (one || two) && OSSL_ESS_check_signing_certs(one, two, only, 1) == 1;
	ESS_SIGNING_CERT_free(one);
	ESS_SIGNING_CERT_V2_free(two);
	return yes;
}

static bool names_signer_well(const struct token *t, const STACK_OF(X509) * only)
{
	bool has_v1 = has_attribute(t, NID_id_smime_aa_signingCertificate);
	bool has_v2 = has_attribute(t, NID_id_smime_aa_signingCertificateV2);

	return (has_v1 || has_v2) &&
	       (!has_v1 || names_signer(t, only, NID_id_smime_aa_signingCertificate)) &&
	       (!has_v2 || names_signer(t, only, NID_id_smime_aa_signingCertificateV2));
}

static bool cms_intact(const struct token *t, STACK_OF(X509) * only)
{
	return CMS_verify(t->cms, only, NULL, NULL, NULL,
		       CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY | CMS_NOINTERN) == 1;
}

/* RFC 3161 2.3: the extended key usage is critical and has only this purpose. */
static bool may_stamp(X509 *signer)
{
	int i = X509_get_ext_by_NID(signer, NID_ext_key_usage, -1);

	return i >= 0 && X509_EXTENSION_get_critical(X509_get_ext(signer, i)) &&
	       X509_get_extended_key_usage(signer) == XKU_TIMESTAMP;
}

static int check_signature(const struct token *t, X509 *signer, struct token_result *r)
{
	STACK_OF(X509) *only = sk_X509_new_null();
	bool intact, named;

	if (!only || !sk_X509_push(only, signer)) {
		sk_X509_free(only);
		return -ENOMEM;
	}
	intact = cms_intact(t, only);
	named = names_signer_well(t, only);
	sk_X509_free(only);
	if (!intact)
		return say(r, TOKEN_SIGNATURE_WRONG, "its signature is wrong");
	if (!named)
		return say(r, TOKEN_SIGNATURE_WRONG,
			"it does not name its signer's certificate (ESSCertID)");
	if (!may_stamp(signer))
		return say(r, TOKEN_SIGNATURE_WRONG,
			"its signer's certificate is not for time-stamping alone, "
			"critically");
	return 0;
}

/* Everything but the path; the outcome stays undecided as long as nothing is wrong. */
static int examine(struct token *t, struct span der, struct span data,
	const struct pki_material *m, struct token_result *r)
{
	X509 *signer;
	int e = read_token(der, t, r);

	if (e == 0 && r->outcome == TOKEN_UNDECIDED)
		e = check_imprint(t, data, r);
	if (e < 0 || r->outcome != TOKEN_UNDECIDED)
		return e;
	signer = find_signer(t, t->carried);
	if (!signer && m)
		signer = find_signer(t, m->certificates);
	if (!signer && m)
		signer = find_signer(t, m->anchors);
	if (!signer) {
		r->path.outcome = PKI_NO_PATH;
		return say(r, TOKEN_PATH, "its signer's certificate is not at hand");
	}
	note_signer(t, signer, r);
	return check_signature(t, signer, r);
}

int token_inspect(struct span token, struct span data,
	const struct pki_material *material, struct token_result *ret_result)
{
	struct token_result r = { 0 };
	struct token t = { 0 };
	int e;

	pki_errors_begin();
	e = examine(&t, token, data, material, &r);

	if (e == 0 && pki_errors_memory())
		e = -ENOMEM;
	if (e == 0 && r.outcome == TOKEN_UNDECIDED)
		e = say(&r, TOKEN_PASSED, "it is intact");
	token_done(&t);
	pki_errors_clear();
	if (e < 0)
		token_result_done(&r);
	else
		*ret_result = r;
	return e;
}

/* Material plus what the token carries. */
static struct pki_material *material_with(
	const struct pki_material *m, const struct token *t)
{
	struct pki_material *all = pki_material_copy(m);
	STACK_OF(X509_CRL) *crls = all ? CMS_get1_crls(t->cms) : NULL;
	int r = all ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < sk_X509_num(t->carried); i++)
		r = pki_material_add_x509(all, sk_X509_value(t->carried, i));
	for (int i = 0; r == 0 && i < sk_X509_CRL_num(crls); i++) {
		unsigned char *der = NULL;
		int len = i2d_X509_CRL(sk_X509_CRL_value(crls, i), &der);

		if (len > 0)
			r = pki_material_add_crl(all, span_of(der, (size_t)len));
		OPENSSL_free(der);
		r = r == -EINVAL ? 0 : r;
	}
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	if (r == 0)
		return all;
	pki_material_free(all);
	return NULL;
}

static int check_path(
	const struct token *t, const struct token_context *c, struct token_result *r)
{
	_cleanup_(pki_material_freep) struct pki_material *all =
		material_with(c->material, t);
	struct pki_path_request request = { .target = r->signer,
		.material = all,
		.at = c->at,
		.known_at = c->known_at,
		.purpose = PKI_TIME_STAMPING,
		.target_may_be_expired = c->target_may_be_expired,
		.skip_revocation = c->skip_revocation,
		.revocation_max_age = c->revocation_max_age,
		.strict = c->strict,
		.strength = c->strength,
		.strength_context = c->strength_context };
	int e = all ? pki_path_validate(&request, &r->path) : -ENOMEM;

	if (e < 0)
		return e;
	return say(r, r->path.outcome == PKI_PASSED ? TOKEN_PASSED : TOKEN_PATH,
		r->path.reason);
}

int token_verify_in(struct span token, struct span data,
	const struct token_context *context, struct token_result *ret_result)
{
	struct token_result r = { 0 };
	struct token t = { 0 };
	int e;

	pki_errors_begin();
	e = examine(&t, token, data, context->material, &r);

	if (e == 0 && pki_errors_memory())
		e = -ENOMEM;
	if (e == 0 && r.outcome == TOKEN_UNDECIDED)
		e = check_path(&t, context, &r);
	token_done(&t);
	pki_errors_clear();
	if (e < 0)
		token_result_done(&r);
	else
		*ret_result = r;
	return e;
}

int token_verify(struct span token, struct span data, const struct pki_material *material,
	int64_t at, struct token_result *ret_result)
{
	struct token_context context = { .material = material, .at = at };

	return token_verify_in(token, data, &context, ret_result);
}

void token_result_done(struct token_result *r)
{
	free(r->reason);
	free(r->policy);
	free(r->serial);
	X509_free(r->signer);
	pki_path_result_done(&r->path);
	*r = (struct token_result){ 0 };
}

const char *token_outcome_text(const struct token_result *r)
{
	switch (r->outcome) {
	case TOKEN_PASSED:
		return "";
	case TOKEN_IMPRINT_MISMATCH:
		return "HASH_FAILURE";
	case TOKEN_SIGNATURE_WRONG:
		return "SIG_CRYPTO_FAILURE";
	case TOKEN_PATH:
		return pki_outcome_text(r->path.outcome);
	case TOKEN_MALFORMED:
	case TOKEN_UNDECIDED:
	default:
		return "FORMAT_FAILURE";
	}
}
