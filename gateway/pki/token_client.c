/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/token.h"

#include "common/digest.h"
#include "pki/der.h"
#include "pki/errors.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ts.h>

#define RESPONSE_MAX (1024u * 1024)

DEFINE_CLEANUP(TS_REQ *, TS_REQ_free)
DEFINE_CLEANUP(TS_RESP *, TS_RESP_free)
DEFINE_CLEANUP(TS_MSG_IMPRINT *, TS_MSG_IMPRINT_free)
DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)
DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)
DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free)

static int ask_for_policy(TS_REQ *request, const char *policy)
{
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = NULL;

	if (!policy)
		return 0;
	oid = OBJ_txt2obj(policy, 1);
	if (!oid)
		return -EINVAL;
	return TS_REQ_set_policy_id(request, oid) ? 0 : -ENOMEM;
}

static int fill_request(TS_REQ *request, const uint8_t digest[32], uint64_t nonce)
{
	_cleanup_(TS_MSG_IMPRINT_freep) TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	_cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *number = ASN1_INTEGER_new();
	uint8_t octets[SHA256_SIZE];

	memcpy(octets, digest, sizeof(octets));
	if (!imprint || !algorithm || !number ||
		!X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) ||
		!TS_MSG_IMPRINT_set_algo(imprint, algorithm) ||
		!TS_MSG_IMPRINT_set_msg(imprint, octets, sizeof(octets)) ||
		!ASN1_INTEGER_set_uint64(number, nonce) ||
		!TS_REQ_set_version(request, 1) ||
		!TS_REQ_set_msg_imprint(request, imprint) ||
		!TS_REQ_set_nonce(request, number) || !TS_REQ_set_cert_req(request, 1))
		return -ENOMEM;
	return 0;
}

int token_request(
	const uint8_t digest[32], uint64_t nonce, uint8_t **ret_der, size_t *ret_len)
{
	return token_request_for(digest, nonce, NULL, ret_der, ret_len);
}

int token_request_for(const uint8_t digest[32], uint64_t nonce, const char *policy,
	uint8_t **ret_der, size_t *ret_len)
{
	_cleanup_(TS_REQ_freep) TS_REQ *request = TS_REQ_new();
	unsigned char *p;
	uint8_t *der;
	int len, r;

	if (!request || fill_request(request, digest, nonce) < 0)
		return -ENOMEM;
	r = ask_for_policy(request, policy);
	pki_errors_clear();
	if (r < 0)
		return r;
	len = i2d_TS_REQ(request, NULL);
	der = len > 0 ? malloc((size_t)len) : NULL;
	if (!der)
		return -ENOMEM;
	p = der;
	i2d_TS_REQ(request, &p);
	*ret_der = der;
	*ret_len = (size_t)len;
	return 0;
}

static TS_RESP *read_response(struct span der)
{
	const unsigned char *p = der.data;
	TS_RESP *response;

	if (!der.data || der.len > RESPONSE_MAX || !pki_der_exact(der))
		return NULL;
	response = d2i_TS_RESP(NULL, &p, (long)der.len);
	if (response && p == der.data + der.len)
		return response;
	TS_RESP_free(response);
	return NULL;
}

/* The token as it was sent: the second element of the response, octet for octet. */
static struct span token_inside(struct span response)
{
	const unsigned char *p = response.data, *end = response.data + response.len;
	long len;
	int tag, class;

	if (ASN1_get_object(&p, &len, &tag, &class, (long)response.len) & 0x80)
		return span_of(NULL, 0);
	if (ASN1_get_object(&p, &len, &tag, &class, end - p) & 0x80 || len > end - p)
		return span_of(NULL, 0);
	p += len;
	return span_of(p, (size_t)(end - p));
}

static bool nonce_is(const TS_TST_INFO *info, uint64_t nonce)
{
	const ASN1_INTEGER *number = TS_TST_INFO_get_nonce(info);
	uint64_t got;

	return number && ASN1_INTEGER_get_uint64(&got, number) && got == nonce;
}

static bool imprint_is(TS_TST_INFO *info, const uint8_t digest[32])
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
	const ASN1_OCTET_STRING *octets = TS_MSG_IMPRINT_get_msg(imprint);
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	return OBJ_obj2nid(oid) == NID_sha256 &&
	       ASN1_STRING_length(octets) == SHA256_SIZE &&
	       memcmp(ASN1_STRING_get0_data(octets), digest, SHA256_SIZE) == 0;
}

static char *refusal_of(TS_RESP *response, long status)
{
	TS_STATUS_INFO *info = TS_RESP_get_status_info(response);
	const STACK_OF(ASN1_UTF8STRING) *text = TS_STATUS_INFO_get0_text(info);
	const ASN1_UTF8STRING *first = text && sk_ASN1_UTF8STRING_num(text) > 0
					       ? sk_ASN1_UTF8STRING_value(text, 0)
					       : NULL;
	char *reason;

	if (asprintf(&reason, "the authority refused with status %ld%s%.*s", status,
		    first ? ": " : "", first ? ASN1_STRING_length(first) : 0,
		    first ? (const char *)ASN1_STRING_get0_data(first) : "") < 0)
		return NULL;
	return reason;
}

/* Bits of PKIFailureInfo that a later query may not meet (RFC 3161, 2.4.2). */
static bool fails_now_only(const ASN1_BIT_STRING *failure)
{
	return !failure ||
	       ASN1_BIT_STRING_get_bit(failure, TS_INFO_SYSTEM_FAILURE) == 1 ||
	       ASN1_BIT_STRING_get_bit(failure, TS_INFO_TIME_NOT_AVAILABLE) == 1;
}

enum token_refusal token_refusal_of(struct span response)
{
	_cleanup_(TS_RESP_freep) TS_RESP *parsed = read_response(response);
	const TS_STATUS_INFO *info;
	long status;

	pki_errors_clear();
	if (!parsed)
		return TOKEN_REFUSAL_NONE;
	info = TS_RESP_get_status_info(parsed);
	status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info));
	if (status == TS_STATUS_GRANTED || status == TS_STATUS_GRANTED_WITH_MODS)
		return TOKEN_REFUSAL_NONE;
	if (status == TS_STATUS_WAITING ||
		fails_now_only(TS_STATUS_INFO_get0_failure_info(info)))
		return TOKEN_REFUSAL_NOW;
	return TOKEN_REFUSAL_ALWAYS;
}

static char *response_trouble(TS_RESP *response, const uint8_t digest[32], uint64_t nonce)
{
	TS_STATUS_INFO *status_info = TS_RESP_get_status_info(response);
	long status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status_info));
	TS_TST_INFO *info = TS_RESP_get_tst_info(response);

	if (status != TS_STATUS_GRANTED && status != TS_STATUS_GRANTED_WITH_MODS)
		return refusal_of(response, status);
	if (!info)
		return strdup("the response holds no token");
	if (!imprint_is(info, digest))
		return strdup("the token is about other data");
	if (!nonce_is(info, nonce))
		return strdup("the token answers another request");
	return strdup("");
}

static int copy_token(struct span response, uint8_t **ret_token, size_t *ret_len)
{
	struct span token = token_inside(response);
	uint8_t *copy;

	if (!token.len)
		return -EPROTO;
	copy = malloc(token.len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, token.data, token.len);
	*ret_token = copy;
	*ret_len = token.len;
	return 1;
}

int token_response(struct span response, const uint8_t digest[32], uint64_t nonce,
	uint8_t **ret_token, size_t *ret_len, char **ret_reason)
{
	_cleanup_(TS_RESP_freep) TS_RESP *parsed = read_response(response);
	char *reason = parsed ? response_trouble(parsed, digest, nonce)
			      : strdup("it is not a time-stamp response");

	pki_errors_clear();
	*ret_reason = NULL;
	if (!reason)
		return -ENOMEM;
	if (reason[0]) {
		*ret_reason = reason;
		return 0;
	}
	free(reason);
	return copy_token(response, ret_token, ret_len);
}
