/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

#include <errno.h>

bool sig_rule_fails(struct sig_context *c, enum sig_rule rule, const char *code,
	const xmlNode *where, const char *why)
{
	switch (rules_level(c->options->profile, rule)) {
	case RULE_IGNORE:
		return false;
	case RULE_INFORM:
		sig_finding(c, SEVERITY_INFO, code, where, "%s", why);
		return false;
	case RULE_WARN:
		sig_finding(c, SEVERITY_WARNING, code, where, "%s", why);
		return false;
	case RULE_FAIL:
	default:
		sig_finding(c, SEVERITY_ERROR, code, where, "%s", why);
		return true;
	}
}

/* What a signature that passed until here becomes. */
static void weigh(struct sig_context *c, struct xades_signature *ret, enum sig_rule rule,
	const char *code, const xmlNode *where, const char *why, const char *sub)
{
	if (sig_rule_fails(c, rule, code, where, why) &&
		ret->indication == XADES_TOTAL_PASSED)
		sig_decide(ret, XADES_INDETERMINATE, sub);
}

static bool is_blank(char a)
{
	return a == ' ' || a == '\t' || a == '\r' || a == '\n';
}

/* Text of an element without white space around it; NULL when there is none. */
static char *trimmed(const xmlNode *n)
{
	char *text = n ? xml_text(n) : NULL;
	size_t len = text ? strlen(text) : 0, start = 0;

	while (len > 0 && is_blank(text[len - 1]))
		len--;
	while (start < len && is_blank(text[start]))
		start++;
	if (!text)
		return NULL;
	memmove(text, text + start, len - start);
	text[len - start] = '\0';
	return text;
}

/* EN 319 102-1 5.2.4: an explicit policy must be at hand, and be the one that was signed.
 * It is known by its digest and never fetched. */
static void check_policy(
	struct sig_context *c, const struct sig *s, struct xades_signature *ret)
{
	const xmlNode *property = sig_property(s, "SignaturePolicyIdentifier");
	const xmlNode *policy = sig_xades_child(property, "SignaturePolicyId");
	const xmlNode *hash = sig_xades_child(policy, "SigPolicyHash");
	_cleanup_(freep) char *id = trimmed(
		sig_xades_child(sig_xades_child(policy, "SigPolicyId"), "Identifier"));
	_cleanup_(freep) char *uri =
		xml_attribute(xml_child(hash, NS_DS, "DigestMethod"), "Algorithm");
	_cleanup_(freep) char *text = trimmed(xml_child(hash, NS_DS, "DigestValue"));
	_cleanup_(freep) uint8_t *value = NULL;
	const struct digest_method *digest = uri ? digest_method_find(uri) : NULL;
	size_t len = 0;
	int known;

	if (!policy)
		return;
	if (text && base64_decode(span_str(text), &value, &len) < 0)
		len = 0;
	known = rules_policy(id, digest ? digest->name : NULL, span_of(value, len));
	if (known == -ENOENT)
		weigh(c, ret, RULE_POLICY_KNOWN, "sig.policy", policy,
			"The signature policy that it names is not known here.",
			"SIGNATURE_POLICY_NOT_AVAILABLE");
	else if (known == 0)
		weigh(c, ret, RULE_POLICY_DIGEST, "sig.policy", policy,
			"The digest of the signature policy is not that of the policy "
			"that is known here.",
			"POLICY_PROCESSING_ERROR");
}

/* Content, signature, references, archive: what is stamped later has more in it. */
static int rank(enum sig_token_kind kind)
{
	switch (kind) {
	case TOKEN_ALL_DATA:
	case TOKEN_INDIVIDUAL_DATA:
		return 0;
	case TOKEN_SIGNATURE:
		return 1;
	case TOKEN_SIG_AND_REFS:
	case TOKEN_REFS_ONLY:
		return 2;
	case TOKEN_ARCHIVE:
	default:
		return 3;
	}
}

/* EN 319 102-1 5.5.4 step 5. */
static void check_order(
	struct sig_context *c, const struct sig *s, struct xades_signature *ret)
{
	for (size_t i = 0; i < s->token_count; i++)
		for (size_t j = 0; j < s->token_count; j++) {
			const struct sig_token *a = &s->tokens[i], *b = &s->tokens[j];

			if (!a->passed || !b->passed || rank(a->kind) >= rank(b->kind) ||
				a->result.gen_time <= b->result.gen_time)
				continue;
			weigh(c, ret, RULE_TIMESTAMP_ORDER, "sig.timestamp", b->property,
				"This time-stamp is older than one of what it is about.",
				"TIMESTAMP_ORDER_FAILURE");
			return;
		}
}

void sig_constraints(struct sig_context *c, struct sig *s, struct xades_signature *ret)
{
	check_policy(c, s, ret);
	check_order(c, s, ret);
}
