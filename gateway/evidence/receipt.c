/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/receipt.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/limits.h"
#include "evidence/jws.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

#define CHAIN_MAX 8

#define TEST_NOTICE                                                                      \
	"TEST: this receipt was made by a test instance and has no legal effect."

#define SANDBOX_NOTICE                                                                   \
	"SANDBOX: a rehearsal; the document was sealed by nobody, sent to nobody and "   \
	"accepted by nobody."

/* Octets of the DER element at the start of data, 0 when it is none. */
static size_t element_len(struct span data)
{
	const unsigned char *p = data.data;
	long len;
	int tag, class, form;

	form = ASN1_get_object(&p, &len, &tag, &class, (long)data.len);
	ERR_clear_error();
	if ((form & 0x81) || len < 0)
		return 0;
	return (size_t)(p - data.data) + (size_t)len;
}

/* Take the first of concatenated certificates off the front; empty when there is none. */
static struct span next_certificate(struct span *certificates)
{
	size_t len = certificates->len ? element_len(*certificates) : 0;
	struct span der = span_of(certificates->data, len);

	if (len == 0 || len > certificates->len)
		return (struct span){ 0 };
	*certificates = span_of(certificates->data + len, certificates->len - len);
	return der;
}

static json_t *chain_json(struct span certificates)
{
	json_t *chain = json_array();

	while (chain && certificates.len) {
		struct span der = next_certificate(&certificates);
		_cleanup_(X509_freep) X509 *x = pki_certificate_parse(der);
		_cleanup_(freep) char *text = x ? base64_encode(der) : NULL;

		if (!text || json_array_size(chain) == CHAIN_MAX ||
			json_array_append_new(chain, json_string(text)) < 0) {
			json_decref(chain);
			return NULL;
		}
	}
	return chain;
}

static char *protected_header(struct span certificates, const char *type)
{
	json_t *chain = chain_json(certificates);
	_cleanup_json_ json_t *header = NULL;
	_cleanup_(freep) char *text = NULL;

	if (!chain)
		return NULL;
	header = json_pack("{s:s, s:s, s:o}", "alg", "ES256", "typ", type, "x5c", chain);
	text = header ? json_canonical(header) : NULL;
	return text ? base64url_encode(span_str(text)) : NULL;
}

/* Keys in their order: the text is canonical JSON. The caller frees; NULL: no memory. */
static char *claims_text(const struct receipt_claims *c)
{
	char until[CLOCK_TEXT_SIZE], received[CLOCK_TEXT_SIZE];
	_cleanup_buf_ struct buf b;

	buf_init(&b, LIMIT_RECEIPT);
	clock_format(c->received, received);
	json_add_open(&b, NULL, '{');
	json_add_text(&b, "audit_record_sha256", c->audit_record_sha256);
	json_add_text(&b, "country", c->country);
	if (c->sandbox)
		json_add_text(&b, "decision", c->decision);
	if (*c->hold_reason) {
		clock_format(c->held_until, until);
		json_add_text(&b, "held_until", until);
		json_add_text(&b, "hold_reason", c->hold_reason);
	}
	json_add_text(&b, "id", c->id);
	json_add_text(&b, "import_country", c->import_country);
	json_add_text(&b, "instance", c->instance);
	if (c->sandbox)
		json_add_text(&b, "notice", SANDBOX_NOTICE);
	else if (c->test)
		json_add_text(&b, "notice", TEST_NOTICE);
	json_add_text(&b, "number", c->number);
	json_add_text(&b, "partner", c->partner);
	json_add_text(&b, "policy_digest", c->policy_digest);
	json_add_integer(&b, "receipt", RECEIPT_VERSION);
	json_add_text(&b, "received", received);
	if (c->sandbox)
		json_add_bool(&b, "sandbox", true);
	json_add_text(&b, "sha256", c->sha256);
	json_add_integer(&b, "size", (int64_t)c->size);
	json_add_text(&b, "state", c->state);
	json_add_text(&b, "status", c->status);
	json_add_text(&b, "store_version", c->store_version);
	json_add_bool(&b, "test", c->test);
	json_add_text(&b, "type", c->type);
	json_add_integer(&b, "warnings", c->warnings);
	json_add_close(&b, '}');
	return buf_take(&b, NULL);
}

struct receipt_signer {
	char *header;		/* protected, base64url */
	char *statement;	/* the same of a statement */
	EVP_PKEY_CTX *verifier; /* of the certificate's key; NULL: not of the algorithm */
};

void receipt_signer_free(struct receipt_signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_CTX_free(signer->verifier);
	free(signer->header);
	free(signer->statement);
	free(signer);
}

int receipt_signer_new(struct span certificates, struct receipt_signer **ret_signer)
{
	struct receipt_signer *s = calloc(1, sizeof(*s));
	_cleanup_(X509_freep) X509 *certificate = NULL;
	struct span rest = certificates;

	if (!s)
		return -ENOMEM;
	certificate = pki_certificate_parse(next_certificate(&rest));
	if (certificate) {
		s->header = protected_header(certificates, RECEIPT_TYPE);
		s->statement = protected_header(certificates, STATEMENT_TYPE);
		s->verifier = jws_verifier(certificate);
	}
	if (!s->header || !s->statement) {
		receipt_signer_free(s);
		return -EINVAL;
	}
	*ret_signer = s;
	return 0;
}

static int signing_input(const char *payload, const char *header, char **ret_input)
{
	_cleanup_(freep) char *encoded =
		payload ? base64url_encode(span_str(payload)) : NULL;

	*ret_input = encoded ? text_join((const char *[]){ header, ".", encoded, NULL })
			     : NULL;
	return *ret_input ? 0 : -ENOMEM;
}

int receipt_signing_input(const struct receipt_claims *claims,
	const struct receipt_signer *signer, char **ret_input)
{
	_cleanup_(freep) char *payload = claims_text(claims);

	return signing_input(payload, signer->header, ret_input);
}

int statement_signing_input(
	const json_t *claims, const struct receipt_signer *signer, char **ret_input)
{
	_cleanup_(freep) char *payload = claims ? json_canonical(claims) : NULL;

	return signing_input(payload, signer->statement, ret_input);
}

int receipt_signature_check(const char *input, const struct receipt_signer *signer,
	const uint8_t *signature, size_t signature_len)
{
	return jws_check(signer->verifier, span_str(input), signature, signature_len);
}

int receipt_assemble(const char *input, const uint8_t signature[RECEIPT_SIGNATURE_SIZE],
	char **ret_text)
{
	const char *dot = strchr(input, '.');
	_cleanup_(freep) char *header =
		dot ? strndup(input, (size_t)(dot - input)) : NULL;
	_cleanup_(freep) char *encoded =
		base64url_encode(span_of(signature, RECEIPT_SIGNATURE_SIZE));

	if (!dot)
		return -EINVAL;
	if (!header || !encoded)
		return -ENOMEM;
	/* base64url needs no escapes: this is the canonical form */
	*ret_text = text_join(
		(const char *[]){ "{\"payload\":\"", dot + 1, "\",\"protected\":\"",
			header, "\",\"signature\":\"", encoded, "\"}", NULL });
	return *ret_text ? 0 : -ENOMEM;
}

/* The three members of a receipt, borrowed from json. */
struct parts {
	json_t *json;
	const char *header;
	const char *payload;
	const char *signature;
};

static bool parts_read(struct span text, struct parts *ret)
{
	json_t *json = json_read(text, LIMIT_RECEIPT);

	*ret = (struct parts){ .json = json,
		.header = json_string_of(json, "protected"),
		.payload = json_string_of(json, "payload"),
		.signature = json_string_of(json, "signature") };
	if (ret->header && ret->payload && ret->signature && json_object_size(json) == 3)
		return true;
	json_decref(json);
	*ret = (struct parts){ 0 };
	return false;
}

int receipt_compact(struct span text, char **ret_compact)
{
	struct parts p;
	int n;

	if (!parts_read(text, &p))
		return -EINVAL;
	n = asprintf(ret_compact, "%s.%s.%s", p.header, p.payload, p.signature);
	json_decref(p.json);
	return n < 0 ? -ENOMEM : 0;
}

json_t *receipt_claims_read(struct span text)
{
	struct parts p;
	json_t *claims;

	if (!parts_read(text, &p))
		return NULL;
	claims = jws_json(p.payload);
	json_decref(p.json);
	return claims;
}

/* Exactly the header that we write: another algorithm or an extension is refused. */
static const json_t *chain_of(const json_t *header, const char *type)
{
	const char *alg = json_string_of(header, "alg"),
		   *typ = json_string_of(header, "typ");
	const json_t *chain = json_object_get(header, "x5c");
	size_t count = json_array_size(chain);

	if (!alg || !typ || strcmp(alg, "ES256") != 0 || strcmp(typ, type) != 0 ||
		json_object_size(header) != 3 || count == 0 || count > CHAIN_MAX)
		return NULL;
	return chain;
}

/* Decode certificate i of x5c, and put it into the set of path candidates. */
static X509 *chain_certificate(const json_t *chain, size_t i, struct pki_material *set)
{
	const char *text = json_string_value(json_array_get(chain, i));
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	X509 *x;

	if (!text || base64_decode(span_str(text), &der, &len) < 0)
		return NULL;
	x = pki_certificate_parse(span_of(der, len));
	if (x && pki_material_add_certificate(set, span_of(der, len)) < 0) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

static int conclude(
	struct receipt_result *r, enum receipt_outcome outcome, const char *reason)
{
	r->outcome = outcome;
	r->reason = strdup(reason);
	return r->reason ? 0 : -ENOMEM;
}

static int check_signature(const struct parts *p, struct receipt_result *r)
{
	_cleanup_(freep) char *input = NULL;
	_cleanup_(freep) uint8_t *raw = NULL;
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *verifier = NULL;
	size_t len;

	if (base64url_decode(p->signature, &raw, &len) < 0)
		return 0;
	if (asprintf(&input, "%s.%s", p->header, p->payload) < 0) {
		input = NULL;
		return -ENOMEM;
	}
	verifier = jws_verifier(r->signer);
	return jws_check(verifier, span_str(input), raw, len);
}

static int check_path(const struct pki_material *set, const struct receipt_context *c,
	struct receipt_result *r)
{
	struct pki_path_request q = { .target = r->signer,
		.material = set,
		.at = c->at,
		.known_at = c->known_at,
		.purpose = PKI_DOCUMENTS };
	int e = pki_path_validate(&q, &r->path);

	if (e < 0)
		return e;
	if (r->path.outcome == PKI_PASSED)
		return conclude(r, RECEIPT_PASSED, "The receipt is genuine.");
	return conclude(r, RECEIPT_PATH,
		r->path.reason ? r->path.reason : pki_outcome_text(r->path.outcome));
}

/* What the role of receipts signs, by the type in the header and the member that is the
 * version of the claims. */
struct kind {
	const char *type, *version;
};

static const struct kind RECEIPTS = { RECEIPT_TYPE, "receipt" };
static const struct kind STATEMENTS = { STATEMENT_TYPE, "statement" };

static int verify_parts(const struct kind *k, const struct parts *p,
	struct pki_material *set, const struct receipt_context *c,
	struct receipt_result *r)
{
	_cleanup_json_ json_t *header = jws_json(p->header);
	const json_t *chain = chain_of(header, k->type);
	int e;

	for (size_t i = 0; i < json_array_size(chain); i++) {
		X509 *x = chain_certificate(chain, i, set);

		if (!x)
			return conclude(
				r, RECEIPT_MALFORMED, "x5c holds no certificate.");
		if (i == 0)
			r->signer = x;
		else
			X509_free(x);
	}
	if (!chain)
		return conclude(
			r, RECEIPT_MALFORMED, "The protected header is not ours.");
	e = check_signature(p, r);
	if (e < 0)
		return e;
	if (e == 0)
		return conclude(
			r, RECEIPT_SIGNATURE_WRONG, "The signature does not verify.");
	r->claims = jws_json(p->payload);
	if (json_integer_value(json_object_get(r->claims, k->version)) != RECEIPT_VERSION)
		return conclude(r, RECEIPT_MALFORMED, "The claims are not of version 1.");
	return check_path(set, c, r);
}

static int verify(const struct kind *k, struct span text,
	const struct receipt_context *context, struct receipt_result *ret_result)
{
	_cleanup_(pki_material_freep) struct pki_material *set =
		pki_material_copy(context->material);
	struct receipt_result r = { 0 };
	struct parts p = { 0 };
	int e;

	if (!set)
		return -ENOMEM;
	if (!parts_read(text, &p))
		e = conclude(&r, RECEIPT_MALFORMED, "The text is no flattened JWS.");
	else
		e = verify_parts(k, &p, set, context, &r);
	json_decref(p.json);
	if (e < 0) {
		receipt_result_done(&r);
		return e;
	}
	*ret_result = r;
	return 0;
}

int receipt_verify_in(struct span text, const struct receipt_context *context,
	struct receipt_result *ret_result)
{
	return verify(&RECEIPTS, text, context, ret_result);
}

int statement_verify_in(struct span text, const struct receipt_context *context,
	struct receipt_result *ret_result)
{
	return verify(&STATEMENTS, text, context, ret_result);
}

int receipt_verify(struct span text, const struct pki_material *material, int64_t at,
	struct receipt_result *ret_result)
{
	return receipt_verify_in(text,
		&(struct receipt_context){ .material = material, .at = at }, ret_result);
}

int statement_verify(struct span text, const struct pki_material *material, int64_t at,
	struct receipt_result *ret_result)
{
	return statement_verify_in(text,
		&(struct receipt_context){ .material = material, .at = at }, ret_result);
}

void receipt_result_done(struct receipt_result *r)
{
	free(r->reason);
	json_decref(r->claims);
	X509_free(r->signer);
	pki_path_result_done(&r->path);
	*r = (struct receipt_result){ 0 };
}
