/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/chain.h"

#include "pki/errors.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#define DOCUMENT_SIGNING "1.3.6.1.5.5.7.3.36" /* RFC 9336 */
#define OID_TEXT_SIZE 80

DEFINE_CLEANUP(EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free)

/* What the callbacks of one verification share. */
struct check {
	STACK_OF(X509) * chain;
	struct chain_trouble trouble;
};

static X509_STORE *store;
static pthread_once_t store_once = PTHREAD_ONCE_INIT;

static int index_in(const STACK_OF(X509) * chain, X509 *x)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (sk_X509_value(chain, i) == x)
			return i;
	return -1;
}

/* The chain is given: exactly the next certificate of it issued this one. */
static int issued_by_next(X509_STORE_CTX *ctx, X509 *x, X509 *issuer)
{
	const struct check *c = X509_STORE_CTX_get_app_data(ctx);
	int i = index_in(c->chain, x), last = sk_X509_num(c->chain) - 1;

	return i >= 0 && sk_X509_value(c->chain, i < last ? i + 1 : last) == issuer;
}

/* Signatures are proven and times judged elsewhere. */
static int nothing_left_to_verify(X509_STORE_CTX *ctx)
{
	(void)ctx;
	return 1;
}

static enum pki_outcome outcome_of(int error)
{
	switch (error) {
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_INVALID_POLICY_EXTENSION:
	case X509_V_ERR_NO_EXPLICIT_POLICY:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_REJECTED:
		return PKI_CONSTRAINTS;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		return PKI_NO_PATH;
	default:
		return PKI_CHAIN_INVALID;
	}
}

/* An anchor is a name and a key: what its certificate says about itself is not asked. The
 * limits it sets for certificates below it are kept. */
static bool excused_for_anchor(int error)
{
	switch (error) {
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_INVALID_NON_CA:
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
	case X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA:
	case X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA:
	case X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN:
	case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
	case X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3:
	case X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
	case X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL:
		return true;
	default:
		return false;
	}
}

static int note_trouble(int ok, X509_STORE_CTX *ctx)
{
	struct check *c = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);

	if (ok)
		return 1;
	if (depth == sk_X509_num(c->chain) - 1 && excused_for_anchor(error)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	c->trouble.outcome = outcome_of(error);
	c->trouble.depth = depth;
	c->trouble.why =
		error == X509_V_ERR_UNSPECIFIED
			? "its names and name constraints are more than are compared"
			: X509_verify_cert_error_string(error);
	return 0;
}

static void store_make(void)
{
	store = X509_STORE_new();
	if (!store)
		return;
	X509_STORE_set_check_issued(store, issued_by_next);
	X509_STORE_set_verify(store, nothing_left_to_verify);
	X509_STORE_set_verify_cb(store, note_trouble);
}

static int add_policies(X509_VERIFY_PARAM *param, const struct pki_path_request *request)
{
	static const char *const any[] = { "2.5.29.32.0", NULL };
	const char *const *oids = request->policy_oids ? request->policy_oids : any;

	for (; *oids; oids++) {
		ASN1_OBJECT *o = OBJ_txt2obj(*oids, 1);

		if (!o || !X509_VERIFY_PARAM_add0_policy(param, o)) {
			ASN1_OBJECT_free(o);
			return -EINVAL;
		}
	}
	return 0;
}

static int set_parameters(X509_STORE_CTX *ctx, const struct pki_path_request *request)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST |
			      X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_POLICY_CHECK;

	if (request->strict)
		flags |= X509_V_FLAG_X509_STRICT;
	if (request->explicit_policy)
		flags |= X509_V_FLAG_EXPLICIT_POLICY;
	X509_VERIFY_PARAM_set_depth(param, PKI_CHAIN_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, 0);
	if (!X509_VERIFY_PARAM_set_flags(param, flags))
		return -ENOMEM;
	if (request->purpose == PKI_TLS_CLIENT)
		X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
	if (request->purpose == PKI_TLS_SERVER)
		X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	return add_policies(param, request);
}

/* The chain cut into what OpenSSL wants to hear. Borrowed certificates. */
static int split(const STACK_OF(X509) * chain, STACK_OF(X509) * *ret_between,
	STACK_OF(X509) * *ret_anchor)
{
	int last = sk_X509_num(chain) - 1;
	STACK_OF(X509) *between = sk_X509_new_null(), *anchor = sk_X509_new_null();
	bool ok = between && anchor && sk_X509_push(anchor, sk_X509_value(chain, last));

	for (int i = 1; ok && i < last; i++)
		ok = sk_X509_push(between, sk_X509_value(chain, i));
	if (!ok) {
		sk_X509_free(between);
		sk_X509_free(anchor);
		return -ENOMEM;
	}
	*ret_between = between;
	*ret_anchor = anchor;
	return 0;
}

static int run_openssl(const struct pki_path_request *request, struct check *c)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = NULL, *anchor = NULL;
	int r = ctx ? split(c->chain, &between, &anchor) : -ENOMEM;

	if (r == 0 &&
		!X509_STORE_CTX_init(ctx, store, sk_X509_value(c->chain, 0), between))
		r = -ENOMEM;
	if (r == 0) {
		X509_STORE_CTX_set0_trusted_stack(ctx, anchor);
		r = X509_STORE_CTX_set_app_data(ctx, c) ? set_parameters(ctx, request)
							: -ENOMEM;
	}
	if (r == 0 && X509_verify_cert(ctx) != 1 && c->trouble.outcome == PKI_PASSED) {
		/* Without a trouble of the chain it is one of the library. */
		int error = X509_STORE_CTX_get_error(ctx);

		c->trouble.outcome = PKI_CHAIN_INVALID;
		c->trouble.why = X509_verify_cert_error_string(error);
		if (error == X509_V_ERR_OUT_OF_MEM || error == X509_V_ERR_UNSPECIFIED)
			r = -ENOMEM;
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_free(between);
	sk_X509_free(anchor);
	pki_errors_clear();
	return r;
}

/* RFC 5280 6.1.4 (k): without STRICT OpenSSL takes old kinds of CA certificates for CAs.
 */
static bool is_real_ca(X509 *x)
{
	return X509_check_ca(x) == 1;
}

bool pki_for_documents(const X509 *certificate)
{
	_cleanup_(EXTENDED_KEY_USAGE_freep) EXTENDED_KEY_USAGE *usage =
		X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	char oid[OID_TEXT_SIZE];

	for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage); i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(usage, i);

		if (OBJ_obj2nid(o) == NID_anyExtendedKeyUsage ||
			OBJ_obj2nid(o) == NID_email_protect ||
			(OBJ_obj2txt(oid, sizeof(oid), o, 1) > 0 &&
				strcmp(oid, DOCUMENT_SIGNING) == 0))
			return true;
	}
	return !usage && X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1) < 0;
}

const char *pki_purpose_trouble(X509 *target, enum pki_purpose purpose)
{
	uint32_t flags = X509_get_extension_flags(target);
	uint32_t usage = X509_get_key_usage(target);
	uint32_t extended = X509_get_extended_key_usage(target);

	if (purpose != PKI_ANY && purpose != PKI_TLS_CLIENT &&
		purpose != PKI_TLS_SERVER && (flags & EXFLAG_KUSAGE) &&
		!(usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return "its key usage allows no signatures";
	if (purpose == PKI_TIME_STAMPING &&
		!((flags & EXFLAG_XKUSAGE) && extended == XKU_TIMESTAMP))
		return "its extended key usage is not time-stamping alone";
	if (purpose == PKI_OCSP &&
		!((flags & EXFLAG_XKUSAGE) && (extended & XKU_OCSP_SIGN)))
		return "its extended key usage is not OCSP signing";
	if (purpose == PKI_DOCUMENTS && !pki_for_documents(target))
		return "its extended key usage is for something else than documents";
	return NULL;
}

int pki_chain_check(const struct pki_path_request *request, STACK_OF(X509) * chain,
	struct chain_trouble *ret)
{
	struct check c = { .chain = chain, .trouble = { .outcome = PKI_PASSED } };
	const char *why;
	int r;

	if (pthread_once(&store_once, store_make) != 0 || !store)
		return -ENOMEM;
	r = run_openssl(request, &c);
	if (r < 0)
		return r;
	for (int i = 1; c.trouble.outcome == PKI_PASSED && i < sk_X509_num(chain) - 1;
		i++)
		if (!is_real_ca(sk_X509_value(chain, i)))
			c.trouble = (struct chain_trouble){ PKI_CHAIN_INVALID, i,
				"it is not a CA by its basic constraints" };
	why = pki_purpose_trouble(sk_X509_value(chain, 0), request->purpose);
	if (c.trouble.outcome == PKI_PASSED && why)
		c.trouble = (struct chain_trouble){ PKI_CONSTRAINTS, 0, why };
	*ret = c.trouble;
	return 0;
}
