/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/callback_check.h"

#include "common/callback_claims.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/encode.h"
#include "evidence/jws.h"
#include "pki/certificate.h"
#include "pki/path.h"
#include "xades/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One verification. */
struct check {
	const struct callback_expected *expected;
	const struct receipt_context *context;
	struct findings *findings;
	char text[CALLBACK_JWS_MAX + 1]; /* its dots replaced by NUL, but the first */
	const char *signature;
	json_t *header, *claims;
	X509 *signer; /* borrowed of material */
	const char *indication, *sub;
};

bool callback_is(struct span text)
{
	return text.len > 3 && memcmp(text.data, "eyJ", 3) == 0;
}

/* The first thing that is wrong decides; what is wrong besides is told as well. */
static void wrong(struct check *c, const char *indication, const char *sub,
	const char *code, const char *received, const char *message)
{
	findings_add(c->findings, code, "", received, message);
	if (c->indication)
		return;
	c->indication = indication;
	c->sub = sub;
}

static void malformed(struct check *c, const char *message)
{
	wrong(c, "TOTAL-FAILED", "FORMAT_FAILURE", "evidence.callback-signature", NULL,
		message);
}

/* Exactly the header that we write: another algorithm or an extension is refused. */
static const char *certificate_named(const json_t *header)
{
	const char *alg = json_string_of(header, "alg"),
		   *typ = json_string_of(header, "typ"),
		   *kid = json_string_of(header, "kid");

	if (!alg || !typ || !kid || strcmp(alg, "ES256") != 0 ||
		strcmp(typ, CALLBACK_TYPE) != 0 || json_object_size(header) != 3)
		return NULL;
	return kid;
}

/* Cut at the dots. text keeps the signing input, up to the second. */
static bool read_parts(struct check *c, struct span text)
{
	char *first, *second;

	while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
		text.len--;
	if (text.len > CALLBACK_JWS_MAX || memchr(text.data, '\0', text.len))
		return false;
	memcpy(c->text, text.data, text.len);
	first = strchr(c->text, '.');
	second = first ? strchr(first + 1, '.') : NULL;
	if (!second)
		return false;
	*second = '\0';
	c->signature = second + 1;
	*first = '\0';
	c->header = jws_json(c->text);
	*first = '.';
	c->claims = jws_json(first + 1);
	return c->header && c->claims;
}

static X509 *find_in(const STACK_OF(X509) * list, const char *sha256)
{
	char text[SHA256_TEXT_SIZE];

	for (int i = 0; i < sk_X509_num(list); i++) {
		X509 *x = sk_X509_value(list, i);

		if (pki_certificate_sha256(x, text) == 0 && strcmp(text, sha256) == 0)
			return x;
	}
	return NULL;
}

static bool text_is(const json_t *claims, const char *key, const char *text)
{
	const char *value = json_string_of(claims, key);

	return value && strcmp(value, text) == 0;
}

/* Its cursor, or -1. */
static int64_t cursor_of(const json_t *claims)
{
	const char *text = json_string_of(claims, "cursor");
	char *end = NULL;
	long long n = text ? strtoll(text, &end, 10) : 0;

	return n > 0 && *end == '\0' ? n : -1;
}

/* Claims of our form: what they say of each other agrees. */
static bool claims_ok(const json_t *claims)
{
	char id[CALLBACK_ID_SIZE];
	const char *partner = json_string_of(claims, "aud");

	if (json_integer_value(json_object_get(claims, "callback")) != CALLBACK_VERSION ||
		!partner || strlen(partner) >= PARTNER_NAME_SIZE ||
		!json_string_of(claims, "iss") || !json_string_of(claims, "sha256") ||
		!json_is_integer(json_object_get(claims, "size")) ||
		!json_is_integer(json_object_get(claims, "iat")) || cursor_of(claims) < 0)
		return false;
	callback_id(partner, json_is_true(json_object_get(claims, "sandbox")),
		cursor_of(claims), id);
	return text_is(claims, "jti", id);
}

/* Return: 1 by the certificate's key, 0 not, negative undecided. */
static int signature_is(const struct check *c)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *verifier = jws_verifier(c->signer);
	_cleanup_(freep) uint8_t *raw = NULL;
	size_t len;
	int r = base64url_decode(c->signature, &raw, &len);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return jws_check(verifier, span_str(c->text), raw, len);
}

/* Borrowed, or NULL. */
static X509 *signer_named(const struct check *c, const char *kid)
{
	X509 *x;

	if (c->expected->signers)
		return find_in(c->expected->signers->certificates, kid);
	x = find_in(c->context->material->anchors, kid);
	return x ? x : find_in(c->context->material->certificates, kid);
}

static int check_signer(struct check *c)
{
	const char *kid = certificate_named(c->header);
	int r;

	if (!kid) {
		malformed(c, "It is not the signature of a call-back.");
		return 0;
	}
	c->signer = signer_named(c, kid);
	if (!c->signer) {
		wrong(c, "INDETERMINATE", "NO_SIGNING_CERTIFICATE_FOUND",
			"evidence.callback-signature", kid,
			c->expected->signers
				? "The certificate that it names is published for no "
				  "receipts."
				: "The certificate that it names is not there.");
		return 0;
	}
	r = signature_is(c);
	if (r == 0)
		wrong(c, "TOTAL-FAILED", "SIG_CRYPTO_FAILURE",
			"evidence.callback-signature", NULL,
			"The signature does not verify.");
	return r;
}

static int check_path(struct check *c)
{
	struct pki_path_request q = { .target = c->signer,
		.material = c->context->material,
		.at = c->context->at,
		.known_at = c->context->known_at,
		.purpose = PKI_DOCUMENTS };
	struct pki_path_result path = { 0 };
	int r = pki_path_validate(&q, &path);

	if (r == 0 && path.outcome != PKI_PASSED)
		wrong(c, "INDETERMINATE", pki_outcome_text(path.outcome),
			"evidence.callback-signature", NULL,
			path.reason ? path.reason : pki_outcome_text(path.outcome));
	pki_path_result_done(&path);
	return r;
}

static int check_body(struct check *c)
{
	const struct span *body = c->expected->body;
	char sha256[SHA256_TEXT_SIZE];

	if (!body) {
		wrong(c, "INDETERMINATE", "SIGNED_DATA_NOT_FOUND",
			"evidence.callback-body", NULL,
			"The body of the call-back is not there: name it with --body.");
		return 0;
	}
	if (digest_sha256_text(*body, sha256) < 0)
		return -ENOMEM;
	if (!text_is(c->claims, "sha256", sha256) ||
		json_integer_value(json_object_get(c->claims, "size")) !=
			(json_int_t)body->len)
		wrong(c, "TOTAL-FAILED", "HASH_FAILURE", "evidence.callback-body", sha256,
			"The signature is about another body.");
	return 0;
}

/* What only the one who was called can know. */
static void check_expected(struct check *c)
{
	const struct callback_expected *e = c->expected;

	if (e->partner && !text_is(c->claims, "aud", e->partner))
		wrong(c, "INDETERMINATE", "SIG_CONSTRAINTS_FAILURE",
			"evidence.callback-partner", json_string_of(c->claims, "aud"),
			"It was made for another partner.");
	if (e->after >= 0 && cursor_of(c->claims) <= e->after)
		wrong(c, "INDETERMINATE", "SIG_CONSTRAINTS_FAILURE",
			"evidence.callback-replayed", json_string_of(c->claims, "cursor"),
			"Its outcomes were there before.");
}

/* What is genuine may still mean nothing. */
static void warn(struct check *c)
{
	if (json_is_true(json_object_get(c->claims, "test")))
		findings_addf(c->findings, SEVERITY_WARNING, "evidence.callback-test", "",
			json_string_of(c->claims, "iss"),
			"A test instance made it: it has no legal effect.");
	if (json_is_true(json_object_get(c->claims, "sandbox")))
		findings_addf(c->findings, SEVERITY_WARNING, "evidence.callback-test", "",
			json_string_of(c->claims, "iss"),
			"It tells of a rehearsal: nothing was sealed or sent.");
}

/* Return: 0, negative undecided. Claims of no valid signature are nobody's, and are not
 * shown. */
static int check_all(struct check *c, struct span text)
{
	int r;

	if (!read_parts(c, text)) {
		malformed(c, "The text is no compact JWS.");
		return 0;
	}
	r = check_signer(c);
	if (r <= 0) {
		json_decref(TAKE(c->claims));
		return r;
	}
	if (!claims_ok(c->claims)) {
		malformed(c, "The claims are not of version 1.");
		return 0;
	}
	warn(c);
	r = check_path(c);
	if (r == 0)
		r = check_body(c);
	if (r == 0)
		check_expected(c);
	return r;
}

static json_t *report_of(const struct check *c)
{
	char text[CLOCK_TEXT_SIZE], sha256[SHA256_TEXT_SIZE] = "";
	json_t *evidence;

	if (c->signer && pki_certificate_sha256(c->signer, sha256) < 0)
		return NULL;
	clock_format(c->context->at, text);
	evidence = json_pack("{s:s, s:o, s:O?, s:b}", "kind", "callback", "signer_sha256",
		json_text(*sha256 ? sha256 : NULL), "claims", c->claims, "test",
		json_is_true(json_object_get(c->claims, "test")));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:o, s:o}", "indication",
		c->indication, "sub_indication", c->sub, "profile", "eidas", "at", text,
		"policy_digest", xades_policy_digest(), "signatures", "findings",
		findings_to_json(c->findings), "evidence", evidence);
}

int callback_verify(struct span text, const struct callback_expected *expected,
	const struct receipt_context *context, struct findings *findings,
	json_t **ret_report)
{
	struct check c = {
		.expected = expected, .context = context, .findings = findings
	};
	int r = check_all(&c, text);
	bool passed = !c.indication;

	if (r >= 0) {
		c.indication = passed ? "TOTAL-PASSED" : c.indication;
		c.sub = passed ? "" : c.sub;
		*ret_report = report_of(&c);
		r = *ret_report && !findings->out_of_memory ? passed : -ENOMEM;
	}
	json_decref(c.header);
	json_decref(c.claims);
	return r;
}
