/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

#include <errno.h>

static const struct {
	const char *name;
	enum sig_token_kind kind;
} PROPERTIES[] = {
	{ "AllDataObjectsTimeStamp", TOKEN_ALL_DATA },
	{ "IndividualDataObjectsTimeStamp", TOKEN_INDIVIDUAL_DATA },
	{ "SignatureTimeStamp", TOKEN_SIGNATURE },
	{ "SigAndRefsTimeStamp", TOKEN_SIG_AND_REFS },
	{ "SigAndRefsTimeStampV2", TOKEN_SIG_AND_REFS },
	{ "RefsOnlyTimeStamp", TOKEN_REFS_ONLY },
	{ "RefsOnlyTimeStampV2", TOKEN_REFS_ONLY },
	{ "ArchiveTimeStamp", TOKEN_ARCHIVE },
};

static bool property_kind(const xmlNode *n, enum sig_token_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof(PROPERTIES) / sizeof(PROPERTIES[0]); i++)
		if (sig_is_xades(n, PROPERTIES[i].name)) {
			*ret_kind = PROPERTIES[i].kind;
			return true;
		}
	return false;
}

static int add_token(struct sig *s, enum sig_token_kind kind, const xmlNode *property,
	const xmlNode *encapsulated)
{
	struct sig_token *list, *t;
	_cleanup_(freep) char *text = xml_text(encapsulated);
	int r;

	if (s->token_count == SIG_TOKENS_MAX)
		return 0;
	list = realloc(s->tokens, (s->token_count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->tokens = list;
	t = &list[s->token_count++];
	*t = (struct sig_token){ .kind = kind, .property = property };
	r = text ? base64_decode(span_str(text), &t->der, &t->der_len) : -EINVAL;
	return r == -ENOMEM ? r : 0;
}

static int collect(struct sig *s, const xmlNode *first)
{
	for (const xmlNode *n = first; n; n = xml_next(n, NULL, NULL)) {
		enum sig_token_kind kind;

		if (!property_kind(n, &kind))
			continue;
		for (const xmlNode *e = xml_child(n, NULL, NULL); e;
			e = xml_next(e, NULL, NULL)) {
			int r = sig_is_xades(e, "EncapsulatedTimeStamp")
					? add_token(s, kind, n, e)
					: 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* From the outcome to the words of EN 319 102-1. */
static const char *word_of(const struct sig_token *t)
{
	switch (t->result.outcome) {
	case TOKEN_PASSED:
		return "";
	case TOKEN_MALFORMED:
		return "FORMAT_FAILURE";
	case TOKEN_IMPRINT_MISMATCH:
		return "HASH_FAILURE";
	case TOKEN_SIGNATURE_WRONG:
		return "SIG_CRYPTO_FAILURE";
	case TOKEN_PATH:
		return pki_outcome_text(t->result.path.outcome);
	case TOKEN_UNDECIDED:
	default:
		return "FORMAT_FAILURE";
	}
}

/* The general validator takes an anchor as it is given, whatever the dates in it. */
static bool is_anchor(const struct sig_context *c, const struct sig_token *t)
{
	const struct pki_path_result *path = &t->result.path;

	return c->options->profile == XADES_EIDAS && path->chain &&
	       sk_X509_num(path->chain) == 1 && path->outcome == PKI_EXPIRED;
}

static int verify_with(struct sig_context *c, struct sig_token *t, struct span octets,
	const struct pki_material *material, int64_t at)
{
	enum xades_profile profile = c->options->profile;
	struct token_context context = {
		.material = material,
		.at = at,
		.known_at = c->known_at,
		.revocation_max_age = sig_revocation_max_age(c),
		.strength = catalogue_strength,
		.strength_context = &profile,
	};
	int r;

	token_result_done(&t->result);
	r = token_verify_in(span_of(t->der, t->der_len), octets, &context, &t->result);
	if (r < 0)
		return r;
	if (t->result.outcome == TOKEN_PATH && is_anchor(c, t))
		t->result.outcome = TOKEN_PASSED;
	if (t->result.outcome == TOKEN_PASSED &&
		!sig_ends_in(c->options->tsa_anchors, &t->result.path)) {
		t->result.outcome = TOKEN_PATH;
		t->result.path.outcome = PKI_NO_PATH;
	}
	r = sig_spend(c, (uint64_t)t->result.path.work * SIG_WORK_VERIFY);
	t->sub = word_of(t);
	if (t->result.outcome == TOKEN_PASSED &&
		(!catalogue_digest(profile, t->result.digest_name, at) ||
			!catalogue_digest(profile, t->result.signature_digest, at)))
		t->sub = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE";
	if ((t->result.outcome == TOKEN_PASSED || t->result.outcome == TOKEN_PATH) &&
		!t->imprint_found)
		t->sub = "SIGNED_DATA_NOT_FOUND";
	t->passed = *t->sub == '\0';
	return r;
}

/* With the anchors that count at that time; one that counts no more is named. */
static int verify_at(
	struct sig_context *c, struct sig_token *t, struct span octets, int64_t at)
{
	_cleanup_(pki_material_freep) struct pki_material *own = NULL;
	int r = sig_anchors_at(c, at, &own);

	if (r == 0 && own) {
		bool chain;

		r = verify_with(c, t, octets, c->material, at);
		chain = t->result.path.outcome != PKI_NO_PATH;
		if (r == 0)
			r = verify_with(c, t, octets, own, at);
		if (r == 0 && chain && t->result.outcome == TOKEN_PATH &&
			t->result.path.outcome == PKI_NO_PATH)
			t->sub = "NO_CERTIFICATE_CHAIN_FOUND_NO_POE";
		return r;
	}
	return r < 0 ? r : verify_with(c, t, octets, c->material, at);
}

static void note(struct sig_context *c, const struct sig_token *t)
{
	enum severity severity =
		c->options->profile == XADES_GATE ? SEVERITY_ERROR : SEVERITY_WARNING;

	if (!t->passed)
		sig_finding(c, severity, "sig.timestamp", t->property,
			"The time-stamp does not pass: %s. %s", t->sub,
			t->result.reason	? t->result.reason
			: t->result.path.reason ? t->result.path.reason
						: "");
}

static bool data_missing(const struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++) {
		const struct sig_reference *r = &s->references[i];

		if ((r->target == TARGET_NONE && (!r->uri || r->uri[0] != '#')) ||
			(r->detached && r->detached->digest_algorithm))
			return true;
	}
	return false;
}

/* Whether a later time-stamp may prove what fails now: at the gate only when a
 * certificate has ended since. */
static bool may_be_past(const struct sig_context *c, const struct sig_token *t)
{
	if (c->options->profile == XADES_GATE)
		return t->result.path.outcome == PKI_EXPIRED ||
		       t->result.path.outcome == PKI_CA_EXPIRED;
	return t->result.outcome >= TOKEN_PATH;
}

/* Now, or when that fails at the time of a later time-stamp over it: *poe. */
static int verify(struct sig_context *c, struct sig *s, struct sig_token *t, int64_t *poe)
{
	_cleanup_buf_ struct buf octets;
	int r;

	buf_init(&octets, SIG_CANONICAL_MAX);
	r = sig_imprint(c, s, t, &octets);
	if ((r == 0 || r == -EBADMSG) &&
		sig_spend(c, SIG_WORK_VERIFY + octets.len * SIG_WORK_DIGEST) < 0)
		return -EDQUOT;
	if (r < 0 && r != -EBADMSG)
		return r;
	/* What is in the document and makes no octets is not what was stamped. */
	t->imprint_found = r == 0 || !data_missing(s);
	if (r < 0 && t->imprint_found) {
		octets.error = 0;
		octets.len = 0;
		buf_add_str(&octets, "");
	}
	r = verify_at(c, t, t->imprint_found ? buf_span(&octets) : span_of(NULL, 0),
		c->options->at);
	if (r == 0 && !t->passed && may_be_past(c, t) && *poe < c->options->at)
		r = verify_at(c, t,
			t->imprint_found ? buf_span(&octets) : span_of(NULL, 0), *poe);
	if (r < 0)
		return r;
	note(c, t);
	if (t->passed && (t->kind == TOKEN_ARCHIVE || t->kind == TOKEN_SIG_AND_REFS) &&
		t->result.gen_time < *poe)
		*poe = t->result.gen_time;
	return 0;
}

int sig_timestamps(struct sig_context *c, struct sig *s)
{
	const xmlNode *data =
		sig_xades_child(s->properties, "SignedDataObjectProperties");
	int64_t poe = c->options->at;
	int r = collect(s, xml_child(data, NULL, NULL));

	if (r == 0)
		r = collect(s, sig_unsigned_first(s));
	for (size_t i = s->token_count; r == 0 && i > 0; i--)
		r = verify(c, s, &s->tokens[i - 1], &poe);
	return r;
}
