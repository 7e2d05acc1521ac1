/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/ocsp.h"

#include "pki/certificate.h"
#include "pki/der.h"
#include "pki/errors.h"
#include "pki/freshness.h"
#include "pki/nest.h"
#include "pki/proof.h"

#include <errno.h>
#include <openssl/x509v3.h>

/* Signatures tried for one response with the certificates of one list. */
#define TRIED_MAX 16

static OCSP_BASICRESP *basic_of_response(struct span der)
{
	const unsigned char *p = der.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	OCSP_BASICRESP *basic = NULL;

	if (response && p == der.data + der.len &&
		OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	OCSP_RESPONSE_free(response);
	return basic;
}

static OCSP_BASICRESP *basic_alone(struct span der)
{
	const unsigned char *p = der.data;
	OCSP_BASICRESP *basic = d2i_OCSP_BASICRESP(NULL, &p, (long)der.len);

	if (basic && p == der.data + der.len)
		return basic;
	OCSP_BASICRESP_free(basic);
	return NULL;
}

/* The signed part is encoded again for the proof, so only DER may stand for it: what is
 * written again has to be how the input ends. */
static bool is_der(struct span der, OCSP_BASICRESP *basic)
{
	unsigned char *again = NULL;
	int len = i2d_OCSP_BASICRESP(basic, &again);
	bool same = len > 0 && (size_t)len <= der.len &&
		    memcmp(der.data + der.len - len, again, (size_t)len) == 0;

	OPENSSL_free(again);
	return same;
}

OCSP_BASICRESP *pki_ocsp_parse(struct span der)
{
	OCSP_BASICRESP *basic;

	if (!der.data || der.len > PKI_OCSP_MAX || !pki_der_exact(der))
		return NULL;
	basic = basic_of_response(der);
	if (!basic)
		basic = basic_alone(der);
	if (basic && !is_der(der, basic)) {
		OCSP_BASICRESP_free(basic);
		basic = NULL;
	}
	pki_errors_clear();
	return basic;
}

/* Both hashes and the serial number, by the digest that the responder chose. */
static int is_about(OCSP_SINGLERESP *single, X509 *certificate, X509 *issuer)
{
	const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
	ASN1_INTEGER *serial;
	ASN1_OBJECT *algorithm;
	const EVP_MD *md;
	OCSP_CERTID *ours;
	int same;

	OCSP_id_get0_info(NULL, &algorithm, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id);
	if (certificate &&
		ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) != 0)
		return 0;
	md = EVP_get_digestbyobj(algorithm);
	if (!md)
		return 0;
	ours = OCSP_cert_id_new(md, X509_get_subject_name(issuer),
		X509_get0_pubkey_bitstr(issuer), serial);
	if (!ours)
		return -ENOMEM;
	same = OCSP_id_cmp(ours, id) == 0;
	OCSP_CERTID_free(ours);
	return same;
}

static bool single_has_critical(OCSP_SINGLERESP *single)
{
	for (int i = 0; i < OCSP_SINGLERESP_get_ext_count(single); i++)
		if (X509_EXTENSION_get_critical(OCSP_SINGLERESP_get_ext(single, i)))
			return true;
	return false;
}

static bool response_has_critical(OCSP_BASICRESP *response)
{
	for (int i = 0; i < OCSP_BASICRESP_get_ext_count(response); i++) {
		X509_EXTENSION *e = OCSP_BASICRESP_get_ext(response, i);

		/* A nonce is known, and it is whoever asked that compares it. */
		if (X509_EXTENSION_get_critical(e) &&
			OBJ_obj2nid(X509_EXTENSION_get_object(e)) !=
				NID_id_pkix_OCSP_Nonce)
			return true;
	}
	return false;
}

/* Return: 1 read, 0 times that cannot be read. */
static int answer_read(
	OCSP_BASICRESP *response, OCSP_SINGLERESP *single, struct pki_ocsp_answer *ret)
{
	ASN1_GENERALIZEDTIME *this, *next, *revoked;
	struct pki_ocsp_answer a = { .next_update = INT64_MAX, .reason = -1 };
	int status = OCSP_single_get0_status(single, &a.reason, &revoked, &this, &next);

	if (pki_asn1_time(OCSP_resp_get0_produced_at(response), &a.produced_at) < 0 ||
		pki_asn1_time(this, &a.this_update) < 0 ||
		(next && pki_asn1_time(next, &a.next_update) < 0))
		return 0;
	if (status == V_OCSP_CERTSTATUS_GOOD)
		a.status = PKI_OCSP_GOOD;
	else if (status == V_OCSP_CERTSTATUS_REVOKED)
		a.status = PKI_OCSP_REVOKED;
	else
		a.status = PKI_OCSP_UNKNOWN;
	if (a.status == PKI_OCSP_REVOKED && pki_asn1_time(revoked, &a.revoked_at) < 0)
		return 0;
	*ret = a;
	return 1;
}

int pki_ocsp_answer(OCSP_BASICRESP *response, X509 *certificate, X509 *issuer,
	struct pki_ocsp_answer *ret_answer)
{
	bool found = false;

	if (response_has_critical(response))
		return 0;
	for (int i = 0; i < OCSP_resp_count(response); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(response, i);
		struct pki_ocsp_answer a;
		int r = is_about(single, certificate, issuer);

		if (r < 0)
			return r;
		if (r == 0 || single_has_critical(single) ||
			answer_read(response, single, &a) == 0)
			continue;
		/* Of several answers about one certificate the newest counts. */
		if (!found || a.this_update > ret_answer->this_update)
			*ret_answer = a;
		found = true;
	}
	pki_errors_clear();
	return found;
}

static bool is_responder(OCSP_BASICRESP *response, X509 *x)
{
	const ASN1_OCTET_STRING *key_hash;
	const X509_NAME *name;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!OCSP_resp_get0_id(response, &key_hash, &name))
		return false;
	if (name)
		return X509_NAME_cmp(name, X509_get_subject_name(x)) == 0;
	return X509_pubkey_digest(x, EVP_sha1(), hash, &len) &&
	       ASN1_STRING_length(key_hash) == (int)len &&
	       memcmp(ASN1_STRING_get0_data(key_hash), hash, len) == 0;
}

static bool signed_by(OCSP_BASICRESP *response, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	bool yes;

	yes = key && ASN1_item_verify(ASN1_ITEM_rptr(OCSP_RESPDATA),
			     OCSP_resp_get0_tbs_sigalg(response),
			     OCSP_resp_get0_signature(response),
			     OCSP_resp_get0_respdata(response), key) == 1;
	pki_errors_clear();
	return yes;
}

/* Return: 1 found, 0 not, -E2BIG when not every candidate was tried. */
static int signer_among(OCSP_BASICRESP *response, const STACK_OF(X509) * list,
	const struct pki_nest *nest, X509 **ret)
{
	int tried = 0;

	if (nest)
		pki_spend_looks(nest, sk_X509_num(list));

	for (int i = 0; i < sk_X509_num(list); i++) {
		X509 *x = sk_X509_value(list, i);

		if (!is_responder(response, x))
			continue;
		if (tried++ >= TRIED_MAX || (nest && !pki_spend(nest, x)))
			return -E2BIG;
		if (!signed_by(response, x))
			continue;
		*ret = x;
		return 1;
	}
	return 0;
}

static int find_signer(OCSP_BASICRESP *response, X509 *issuer,
	const STACK_OF(X509) * more, const STACK_OF(X509) * even_more,
	const struct pki_nest *nest, X509 **ret_signer)
{
	const STACK_OF(X509) *
		lists[] = { OCSP_resp_get0_certs(response), more, even_more };
	bool all = true;

	if (nest && !pki_spend(nest, issuer))
		return -E2BIG;
	if (is_responder(response, issuer) && signed_by(response, issuer)) {
		*ret_signer = issuer;
		return 1;
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		int r = signer_among(response, lists[i], nest, ret_signer);

		if (r == 1)
			return 1;
		all = all && r == 0;
	}
	return all ? 0 : -E2BIG;
}

int pki_ocsp_signer(OCSP_BASICRESP *response, X509 *issuer, const STACK_OF(X509) * more,
	const STACK_OF(X509) * even_more, X509 **ret_signer)
{
	return find_signer(response, issuer, more, even_more, NULL, ret_signer);
}

int pki_ocsp_signer_nested(OCSP_BASICRESP *response, X509 *issuer,
	const struct pki_material *m, const struct pki_nest *nest, X509 **ret_signer)
{
	return find_signer(
		response, issuer, m->certificates, m->anchors, nest, ret_signer);
}

bool pki_ocsp_delegated(X509 *signer, X509 *issuer)
{
	if (X509_cmp(signer, issuer) == 0)
		return true;
	/* The extension must be there: absent, OpenSSL reads it as every usage. */
	if (!(X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) ||
		!(X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN))
		return false;
	return X509_NAME_cmp(X509_get_issuer_name(signer),
		       X509_get_subject_name(issuer)) == 0 &&
	       pki_proof_certificate(signer, issuer, true) == 1;
}

static const char *answer_trouble(const struct pki_ocsp_answer *a, int64_t at)
{
	if (a->this_update > at || a->produced_at > at)
		return "it was made after the time asked";
	if (!pki_fresh(a->this_update, a->next_update, at, 0))
		return "it is out of date";
	if (a->status == PKI_OCSP_REVOKED)
		return "it says revoked";
	if (a->status != PKI_OCSP_GOOD)
		return "the responder does not know the certificate";
	return "";
}

static const char *response_trouble(
	OCSP_BASICRESP *response, X509 *issuer, X509 *certificate, int64_t at)
{
	struct pki_ocsp_answer a = { 0 };
	X509 *signer = NULL;
	int64_t from, to;
	int r = pki_ocsp_signer(response, issuer, NULL, NULL, &signer);

	if (r == 0 || r == -E2BIG)
		return "its signature is wrong or its signer is missing";
	if (r > 0)
		r = pki_ocsp_answer(response, certificate, issuer, &a);
	if (r < 0)
		return NULL;
	if (r == 0)
		return "it says nothing about a certificate of this issuer";
	if (!pki_ocsp_delegated(signer, issuer))
		return "its signer may not answer for this issuer";
	if (signer != issuer && (pki_certificate_validity(signer, &from, &to) < 0 ||
					at < from || at > to))
		return "its signer's certificate is not valid at the time asked";
	if (certificate && (pki_certificate_validity(certificate, &from, &to) < 0 ||
				   a.this_update < from || a.produced_at < from))
		return "it is older than the certificate";
	return answer_trouble(&a, at);
}

int pki_ocsp_verify(OCSP_BASICRESP *response, X509 *issuer, X509 *certificate, int64_t at,
	const char **ret_reason)
{
	const char *reason = response_trouble(response, issuer, certificate, at);

	pki_errors_clear();
	if (!reason)
		return -ENOMEM;
	*ret_reason = reason;
	return reason[0] == '\0';
}
