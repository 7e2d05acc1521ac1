/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What policies/signature/rules.cfg demands of a signature beyond the standard; for the
 * profile gate that is the admission profile:
 *  - the document reference must cover the whole document: a signature over a part says
 *    nothing about the rest;
 *  - identifiers are unique in the whole document, not only those that are referenced
 *    (the reader sees to that);
 *  - only signatures may follow a signature: enveloped-signature takes it out wherever it
 *    stands, so its place is proven by nothing else;
 *  - a time-stamp proves against the end of certificates, not against revocation (xcv.c).
 * The other rules and their reasons stand in rules.cfg.
 */
#include "xades/signature.h"

struct gate {
	struct sig_context *c;
	struct sig *s;
	bool shape_ok, rules_ok;
};

/* What is shaped otherwise than a rule demands fails, what lacks something does not pass.
 */
static void refuse_shape(struct gate *g, enum sig_rule rule, const char *code,
	const xmlNode *where, const char *why)
{
	if (sig_rule_fails(g->c, rule, code, where, why))
		g->shape_ok = false;
}

static void refuse_rule(struct gate *g, enum sig_rule rule, const char *code,
	const xmlNode *where, const char *why)
{
	if (sig_rule_fails(g->c, rule, code, where, why))
		g->rules_ok = false;
}

/* A signature ends the document; a counter-signature is where XAdES has it. */
static void check_place(struct gate *g)
{
	const xmlNode *root = xmlDocGetRootElement(g->c->report->doc);

	if (g->s->counter)
		return;
	if (g->s->node->parent != root) {
		refuse_shape(g, RULE_PLACE, "sig.place", g->s->node,
			"A signature must be a child of the document's root.");
		return;
	}
	for (const xmlNode *n = xml_next(g->s->node, NULL, NULL); n;
		n = xml_next(n, NULL, NULL))
		if (!xml_is(n, NS_DS, "Signature")) {
			refuse_shape(g, RULE_PLACE, "sig.place", g->s->node,
				"A signature must follow what it signs.");
			return;
		}
}

/* SignedInfo, SignatureValue, KeyInfo and one Object, in this order and nothing else. */
static void check_children(struct gate *g)
{
	static const char *const NAMES[] = { "SignedInfo", "SignatureValue", "KeyInfo",
		"Object" };
	const xmlNode *n = xml_child(g->s->node, NULL, NULL);

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (!xml_is(n, NS_DS, NAMES[i])) {
			refuse_shape(g, RULE_FORMAT, "sig.format", n ? n : g->s->node,
				"A signature has SignedInfo, SignatureValue, KeyInfo and "
				"one "
				"Object, in this order.");
			return;
		}
		n = xml_next(n, NULL, NULL);
	}
	if (n)
		refuse_shape(g, RULE_FORMAT, "sig.format", n,
			"There is more than one ds:Object.");
	if (!g->s->qualifying || xml_next(g->s->qualifying, NULL, NULL) ||
		xml_child(g->s->qualifying->parent, NULL, NULL) != g->s->qualifying)
		refuse_shape(g, RULE_PROPERTIES, "sig.properties", g->s->node,
			"ds:Object must hold xades:QualifyingProperties alone.");
}

static void check_key_info(struct gate *g)
{
	for (const xmlNode *n = xml_child(g->s->key_info, NULL, NULL); n;
		n = xml_next(n, NULL, NULL))
		if (!xml_is(n, NS_DS, "X509Data"))
			refuse_shape(g, RULE_KEY_INFO, "sig.key-info", n,
				"Only ds:X509Data is allowed in ds:KeyInfo.");
	if (g->s->candidate_count == 0)
		refuse_shape(g, RULE_KEY_INFO, "sig.key-info", g->s->node,
			"ds:KeyInfo has no certificate.");
}

static void check_properties(struct gate *g)
{
	_cleanup_(freep) char *target = xml_attribute(g->s->qualifying, "Target");

	if (!xml_is(g->s->qualifying, NS_XADES, "QualifyingProperties") ||
		!g->s->properties) {
		refuse_shape(g, RULE_PROPERTIES, "sig.properties", g->s->node,
			"There are no XAdES 1.3.2 SignedProperties.");
		return;
	}
	if (!g->s->id || !target || target[0] != '#' || strcmp(target + 1, g->s->id) != 0)
		refuse_shape(g, RULE_TARGET, "sig.target", g->s->qualifying,
			"QualifyingProperties/@Target does not name this signature's "
			"Id.");
	if (xml_child(g->s->qualifying, NULL, NULL) != g->s->properties)
		refuse_shape(g, RULE_PROPERTIES, "sig.properties", g->s->qualifying,
			"xades:SignedProperties must come first.");
	if (!sig_property(g->s, "SigningCertificateV2"))
		refuse_rule(g, RULE_SIGNING_CERTIFICATE, "sig.signing-certificate",
			g->s->properties, "SigningCertificateV2 is missing.");
	if (g->s->signing_time == 0)
		refuse_rule(g, RULE_SIGNING_TIME, "sig.time", g->s->properties,
			"SigningTime is missing.");
}

static bool reference_known(const struct gate *g, const struct sig_reference *r,
	size_t *documents, size_t *properties, size_t *values)
{
	if (r->target == TARGET_DOCUMENT && !g->s->counter) {
		(*documents)++;
		return r->step_count > 0;
	}
	if (r->is_properties) {
		(*properties)++;
		return true;
	}
	if (g->s->counter && r->target == TARGET_ELEMENT &&
		r->element == g->c->parsed[g->s->parent].value && r->type &&
		strcmp(r->type, TYPE_COUNTERSIGNED) == 0) {
		(*values)++;
		return true;
	}
	return r->target == TARGET_ELEMENT && r->element == g->s->key_info;
}

static bool steps_known(const struct gate *g, const struct sig_reference *r)
{
	bool subtracts = false;

	for (size_t i = 0; i < r->step_count; i++) {
		enum sig_step_kind kind = r->steps[i].kind;

		if (kind != STEP_C14N && kind != STEP_ENVELOPED && kind != STEP_SUBTRACT)
			return false;
		subtracts |= kind != STEP_C14N;
	}
	/* What is not the document must not lose anything on the way. */
	return subtracts == (r->target == TARGET_DOCUMENT) && !g->s->malformed;
}

static void check_references(struct gate *g)
{
	size_t documents = 0, properties = 0, values = 0;

	for (size_t i = 0; i < g->s->reference_count; i++) {
		const struct sig_reference *r = &g->s->references[i];

		if (!reference_known(g, r, &documents, &properties, &values))
			refuse_shape(g, RULE_REFERENCE, "sig.reference", r->node,
				"Only the document, the signed properties and ds:KeyInfo "
				"may be referenced.");
		else if (!steps_known(g, r))
			refuse_shape(g, RULE_REFERENCE, "sig.transform", r->node,
				"Only enveloped-signature, its two fixed equals and "
				"canonicalisation are allowed.");
	}
	if (properties != 1)
		refuse_shape(g, RULE_PROPERTIES, "sig.properties", g->s->signed_info,
			"SignedProperties must be signed, once.");
	if (g->s->counter ? values != 1 : documents != 1)
		refuse_shape(g, RULE_COVERAGE, "sig.coverage", g->s->signed_info,
			g->s->counter ? "A counter-signature signs one SignatureValue."
				      : "The whole document must be signed, once.");
}

static void check_timestamps(struct gate *g, struct xades_signature *ret)
{
	for (size_t i = 0; i < g->s->token_count; i++) {
		const struct sig_token *t = &g->s->tokens[i];

		if (t->kind != TOKEN_SIGNATURE || t->passed ||
			rules_level(g->c->options->profile, RULE_TIMESTAMP_PASSES) !=
				RULE_FAIL)
			continue;
		g->rules_ok = false;
		if (ret->indication == XADES_TOTAL_PASSED)
			sig_decide(ret, XADES_INDETERMINATE, t->sub);
	}
}

void sig_rules(struct sig_context *c, struct sig *s, struct xades_signature *ret)
{
	struct gate g = { c, s, true, true };

	check_place(&g);
	check_children(&g);
	check_key_info(&g);
	check_properties(&g);
	check_references(&g);
	check_timestamps(&g, ret);
	if (!g.shape_ok)
		sig_decide(ret, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	else if (!g.rules_ok && ret->indication == XADES_TOTAL_PASSED)
		sig_decide(ret, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
	sig_constraints(c, s, ret);
	/* Whatever an earlier block refused cannot have passed, either. */
	if (c->options->profile == XADES_GATE &&
		c->report->findings.errors > s->errors_before &&
		ret->indication == XADES_TOTAL_PASSED)
		sig_decide(ret, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
}
