/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/sealed_json.h"

#include "common/clock.h"
#include "xades/catalogue.h"

#include <errno.h>

bool sealed_json_is(struct span text)
{
	return text.len && text.data[0] == '{';
}

static json_t *evidence_of(const struct receipt_result *r, const char *kind)
{
	_cleanup_(freep) char *subject =
		r->signer ? pki_name_text(X509_get_subject_name(r->signer)) : NULL;
	char sha256[SHA256_TEXT_SIZE] = "";

	if (r->signer && pki_certificate_sha256(r->signer, sha256) < 0)
		return NULL;
	return json_pack("{s:s, s:o, s:o, s:O?, s:b}", "kind", kind, "signer_sha256",
		json_text(*sha256 ? sha256 : NULL), "signer_subject", json_text(subject),
		"claims", r->claims, "test",
		json_is_true(json_object_get(r->claims, "test")));
}

/* EN 319 102-1 in its words. */
static void indicate(
	const struct receipt_result *r, const char **ret_indication, const char **ret_sub)
{
	*ret_indication = "TOTAL-FAILED";
	*ret_sub = "FORMAT_FAILURE";
	if (r->outcome == RECEIPT_SIGNATURE_WRONG)
		*ret_sub = "SIG_CRYPTO_FAILURE";
	if (r->outcome == RECEIPT_PATH) {
		*ret_indication = "INDETERMINATE";
		*ret_sub = pki_outcome_text(r->path.outcome);
	}
	if (r->outcome == RECEIPT_PASSED) {
		*ret_indication = "TOTAL-PASSED";
		*ret_sub = "";
	}
}

static json_t *report_of(const struct receipt_result *r, const char *kind, int64_t at,
	const struct findings *findings)
{
	const char *indication, *sub;
	char text[CLOCK_TEXT_SIZE];

	clock_format(at, text);
	indicate(r, &indication, &sub);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:o, s:o}", "indication",
		indication, "sub_indication", sub, "profile", "eidas", "at", text,
		"policy_digest", xades_policy_digest(), "signatures", "findings",
		findings_to_json(findings), "evidence", evidence_of(r, kind));
}

int sealed_json_verify(struct span text, const struct receipt_context *context,
	struct findings *findings, json_t **ret_report)
{
	struct receipt_result result = { 0 };
	const char *kind = "receipt";
	int r = receipt_verify_in(text, context, &result);
	bool passed;

	if (r == 0 && result.outcome == RECEIPT_MALFORMED) {
		receipt_result_done(&result);
		kind = "status-statement";
		r = statement_verify_in(text, context, &result);
	}
	if (r < 0)
		return r;
	passed = result.outcome == RECEIPT_PASSED;
	if (!passed)
		findings_add(
			findings, "evidence.receipt-signature", "", NULL, result.reason);
	if (result.outcome == RECEIPT_MALFORMED)
		kind = "";
	*ret_report = report_of(&result, kind, context->at, findings);
	receipt_result_done(&result);
	return *ret_report && !findings->out_of_memory ? passed : -ENOMEM;
}
