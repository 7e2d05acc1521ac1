/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/verify.h"

#include "common/clock.h"
#include "common/limits.h"
#include "evidence/asic.h"
#include "evidence/enclosed.h"
#include "evidence/inside.h"
#include "evidence/record.h"
#include "evidence/seal_check.h"
#include "evidence/seal_form.h"
#include "evidence/seal_policy.h"
#include "evidence/two_keys.h"
#include "trust/qualify.h"

#include <errno.h>
#include <stdio.h>

struct verification {
	struct asic parts;
	const struct evidence_context *context;
	struct findings *findings;
	size_t errors; /* in the container, apart from the seal's validation */
	struct xades_report *seal;
	struct seal_statement statement;
	char sha256[SHA256_TEXT_SIZE]; /* of the document */
	json_t *claims;		       /* of the receipt; NULL when it is none */
	json_t *report;		       /* as read; NULL when it is no object */
	const char *receipt_signature; /* PASSED | INDETERMINATE | FAILED */
	X509 *receipt_signer;	       /* NULL: not known */
	const char *wanting; /* at release, of the receipt: sub-indication, or NULL */
	struct record_result record;
	const char *record_indication; /* the same; NULL: there is none */
};

static void verification_done(struct verification *v)
{
	xades_report_free(v->seal);
	X509_free(v->receipt_signer);
	seal_statement_done(&v->statement);
	json_decref(v->claims);
	json_decref(v->report);
	record_result_done(&v->record);
}

static int validate_seal(struct verification *v)
{
	struct xades_detached detached[ASIC_SIGNATURES];
	struct xades_options options = { .profile = XADES_EIDAS,
		.at = v->context->at,
		.material = v->context->material,
		.fresh_revocation = v->context->fresh_revocation,
		.detached = detached,
		.detached_count = seal_detached(&v->parts, detached) };
	int r;

	r = xades_validate(v->parts.parts[ASIC_SIGNATURES], &options, &v->seal);
	if (r == 0 && v->context->lists)
		trust_qualify_report(v->context->lists, NULL, v->seal);
	if (r == 0)
		r = seal_check(v->seal, &v->parts, json_string_of(v->claims, "id"),
			v->findings, &v->statement);
	return r;
}

static int check_form(struct verification *v)
{
	const struct seal_others others = { v->receipt_signer, v->record.token.signer };

	return v->seal->doc ? seal_form_check(v->parts.parts[ASIC_SIGNATURES], v->seal,
				      &others, v->findings)
			    : 0;
}

static int64_t seal_time(const struct verification *v)
{
	if (v->seal->count == 0 || v->seal->signatures[0].best_signature_time == 0)
		return v->context->at;
	return v->seal->signatures[0].best_signature_time;
}

/* The earliest archive time-stamp over what the seal carries; `at` without one. */
static int64_t data_time(const struct verification *v)
{
	const struct xades_signature *s = v->seal->count ? v->seal->signatures : NULL;
	int64_t earliest = v->context->at;

	for (size_t i = 0; s && i < s->timestamp_count; i++)
		if (strcmp(s->timestamps[i].type, "ARCHIVE_TIMESTAMP") == 0 &&
			strcmp(s->timestamps[i].indication, "PASSED") == 0 &&
			s->timestamps[i].gen_time < earliest)
			earliest = s->timestamps[i].gen_time;
	return earliest;
}

/* However long ago the time is that is asked: what was known when it was asked. */
static int64_t known_at(const struct verification *v)
{
	const struct evidence_context *c = v->context;

	return c->known_at > c->at ? c->known_at : c->at;
}

/* What the seal carries proves the parts that it covers, too. */
static const struct pki_material *material_of(const struct verification *v)
{
	return v->seal->material ? v->seal->material : v->context->material;
}

/* At release what no path leads to waits; what the gate released was looked at then. */
static int check_two_keys(struct verification *v, const struct enclosed_question *q,
	const struct enclosed *receipt)
{
	X509 *signer = v->seal->count ? v->seal->signatures[0].signer : NULL;
	bool excused = v->wanting || v->context->released;
	const char *why;
	int r;

	if (!signer || v->seal->indication != XADES_TOTAL_PASSED)
		return 0;
	r = two_keys_check(
		signer, v->parts.parts[ASIC_RECEIPT], q, receipt, excused, &why);
	if (r == 0 && why)
		findings_add(v->findings, "evidence.receipt-signature",
			asic_name(ASIC_RECEIPT), NULL, why);
	return r;
}

/* The seal covers the receipt, and is the proof: what its receipt lacks is told, and
 * fails only what is no receipt of anybody's here. At release what may still come is
 * waited for. */
static void take_receipt(struct verification *v, const struct enclosed *e)
{
	v->receipt_signature = "FAILED";
	switch (e->standing) {
	case ENCLOSED_PASSED:
		v->receipt_signature = "PASSED";
		return;
	case ENCLOSED_WANTING:
		if (v->context->fresh_revocation)
			v->wanting = pki_outcome_text(e->result.path.outcome);
		/* fall through */
	case ENCLOSED_ENDED:
	case ENCLOSED_UNFIT:
		v->receipt_signature = "INDETERMINATE";
		findings_addf(v->findings, SEVERITY_WARNING, "evidence.receipt-signature",
			asic_name(ASIC_RECEIPT), NULL, "%s", e->reason);
		return;
	case ENCLOSED_UNDECIDED:
	case ENCLOSED_FAILED:
	default:
		findings_add(v->findings, "evidence.receipt-signature",
			asic_name(ASIC_RECEIPT), NULL, e->reason);
	}
}

static int check_receipt_signature(struct verification *v)
{
	const struct enclosed_question q = { .material = material_of(v),
		.at = v->context->at,
		.known_at = known_at(v),
		.proven = seal_time(v),
		.data_proven = data_time(v),
		.fresh = v->context->fresh_revocation };
	struct enclosed e = { 0 };
	int r = enclosed_judge(v->parts.parts[ASIC_RECEIPT], &q, &e);

	if (r < 0)
		return r;
	take_receipt(v, &e);
	r = check_two_keys(v, &q, &e);
	if (r == 0 && e.standing == ENCLOSED_PASSED)
		r = evidence_paths_add(v->context->paths, &e.result.path);
	v->receipt_signer = TAKE(e.result.signer);
	enclosed_done(&e);
	return r;
}

/* The seal covers the record: what proves the seal's time, proves that the record was
 * there before its time-stamping authority's certificate ended or was revoked. */
static int verify_record(struct verification *v)
{
	struct span record = v->parts.parts[ASIC_RECORD],
		    document = v->parts.parts[ASIC_DOCUMENT];
	struct token_context c = {
		.material = material_of(v), .at = v->context->at, .known_at = known_at(v)
	};
	int r = record_verify_in(record, document, &c, &v->record);

	if (r < 0 || v->record.outcome != RECORD_TOKEN ||
		v->record.token.outcome != TOKEN_PATH || seal_time(v) >= c.at ||
		v->record.token.path.outcome == PKI_REVOKED_CA)
		return r;
	c.at = seal_time(v);
	record_result_done(&v->record);
	return record_verify_in(record, document, &c, &v->record);
}

static int check_record(struct verification *v)
{
	const struct record_result *rec = &v->record;
	int r = asic_has(&v->parts, ASIC_RECORD) ? verify_record(v) : 1;

	if (r != 0)
		return r < 0 ? r : 0;
	v->record_indication = "FAILED";
	if (rec->outcome == RECORD_PASSED) {
		v->record_indication = "PASSED";
		return evidence_paths_add(v->context->paths, &rec->token.path);
	} else if (rec->outcome == RECORD_TOKEN && rec->token.outcome == TOKEN_PATH &&
		   pki_outcome_wanting(rec->token.path.outcome)) {
		v->record_indication = "INDETERMINATE";
		findings_addf(v->findings, SEVERITY_WARNING, "evidence.record",
			asic_name(ASIC_RECORD), NULL, "%s", rec->reason);
	} else {
		findings_add(v->findings, "evidence.record", asic_name(ASIC_RECORD), NULL,
			rec->reason);
	}
	return 0;
}

/* The seal in the document gets nothing later: what proves it then is that it was whole
 * and passed when the container was sealed over it. */
static void tell_inside(struct verification *v, enum asic_part part, const char **ret_why)
{
	if (v->context->fresh_revocation)
		*ret_why = "The seal in the document does not pass, as the container's "
			   "does.";
	else
		findings_addf(v->findings, SEVERITY_WARNING, "evidence.inside",
			asic_name(part), NULL, "%s",
			"The seal in the document is not proven by itself any more; the "
			"container's covers it.");
}

/* A seal in the document is judged as the container's: where that one is not proven, for
 * want of anchors, this one need not be. */
static int check_inside(struct verification *v, enum asic_part part)
{
	const struct xades_options options = { .profile = XADES_EIDAS,
		.at = v->context->at,
		.material = v->context->material,
		.fresh_revocation = v->context->fresh_revocation };
	enum xades_indication seal;
	const char *why;
	int r;

	if (!asic_has(&v->parts, part))
		return 0;
	r = inside_check(v->parts.parts[ASIC_DOCUMENT], v->parts.parts[part],
		part == ASIC_COUNTER ? XADES_COUNTER : XADES_PARALLEL,
		json_string_of(v->claims, "id"), &options, &why, &seal);
	if (r < 0)
		return r;
	if (!why && seal != XADES_TOTAL_PASSED &&
		v->seal->indication == XADES_TOTAL_PASSED)
		tell_inside(v, part, &why);
	if (why)
		findings_add(v->findings, "evidence.inside", asic_name(part), NULL, why);
	return 0;
}

static bool record_passed(const struct verification *v)
{
	return v->record_indication && strcmp(v->record_indication, "PASSED") == 0;
}

/* A seal that says level B and has nothing yet that proves a time. */
static void check_bare(struct verification *v)
{
	if (v->statement.bare && !record_passed(v))
		findings_addf(v->findings, SEVERITY_WARNING, "evidence.level",
			asic_name(ASIC_SIGNATURES), NULL, "%s",
			"The seal is at level B, as it says: no time is proven for it.");
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_of(a, key), *y = json_string_of(b, key);

	return x && y && strcmp(x, y) == 0;
}

static void check_claims(struct verification *v)
{
	const char *sha256 = json_string_of(v->claims, "sha256");
	const json_t *size = json_object_get(v->claims, "size");
	bool test = json_is_true(json_object_get(v->claims, "test"));

	if (!sha256 || strcmp(sha256, v->sha256) != 0)
		findings_add(v->findings, "evidence.receipt", asic_name(ASIC_RECEIPT),
			sha256, "The receipt does not name the document's SHA-256.");
	if (!json_is_integer(size) ||
		(uint64_t)json_integer_value(size) != v->parts.parts[ASIC_DOCUMENT].len)
		findings_add(v->findings, "evidence.receipt", asic_name(ASIC_RECEIPT),
			NULL, "The receipt does not name the document's size.");
	if (v->statement.role && seal_role_is_test(v->statement.role) != test)
		findings_add(v->findings, "evidence.receipt", asic_name(ASIC_RECEIPT),
			v->statement.role,
			"Of the seal and the receipt, only one is a TEST.");
}

static bool is_held(const json_t *claims)
{
	const char *state = json_string_of(claims, "state");

	return state && strcmp(state, "held") == 0;
}

static void check_report(struct verification *v)
{
	const char *sha256 = json_string_of(v->report, "sha256");
	const char *decision = json_string_of(v->report, "decision");

	if (!json_is_object(v->report)) {
		findings_add(v->findings, "evidence.report", asic_name(ASIC_REPORT), NULL,
			"The report is no JSON object.");
		return;
	}
	if (!sha256 || strcmp(sha256, v->sha256) != 0)
		findings_add(v->findings, "evidence.report", asic_name(ASIC_REPORT),
			sha256, "The report does not name the document's SHA-256.");
	if (!decision || strcmp(decision, "accepted") != 0)
		findings_add(v->findings, "evidence.report", asic_name(ASIC_REPORT),
			decision,
			"The report does not say that the document was accepted.");
	/* What was held at first was judged again, perhaps under another policy. */
	if (v->claims && !is_held(v->claims) &&
		(!same_text(v->claims, v->report, "policy_digest") ||
			!same_text(v->claims, v->report, "store_version")))
		findings_add(v->findings, "evidence.report", asic_name(ASIC_REPORT), NULL,
			"The report names another policy or trust store than the "
			"receipt.");
}

static int verify_parts(struct verification *v)
{
	int r = digest_sha256_text(v->parts.parts[ASIC_DOCUMENT], v->sha256);

	v->claims = receipt_claims_read(v->parts.parts[ASIC_RECEIPT]);
	v->report = json_read(v->parts.parts[ASIC_REPORT], LIMIT_REPORT);
	if (r == 0)
		r = validate_seal(v);
	if (r == 0)
		r = check_receipt_signature(v);
	if (r == 0)
		r = check_record(v);
	if (r == 0)
		r = check_form(v);
	if (r == 0)
		r = check_inside(v, ASIC_PARALLEL);
	if (r == 0)
		r = check_inside(v, ASIC_COUNTER);
	if (r < 0)
		return r;
	check_bare(v);
	check_claims(v);
	check_report(v);
	return 0;
}

/* Copy members of an object, null where it has none. Return: 0 or -1. */
static int copy_members(json_t *to, const json_t *from, const char *const keys[])
{
	for (; *keys; keys++) {
		json_t *value = json_object_get(from, *keys);

		if ((value ? json_object_set(to, *keys, value)
			   : json_object_set_new(to, *keys, json_null())) < 0)
			return -1;
	}
	return 0;
}

/* The seal's level, and what the record adds to it. */
static json_t *level_json(const struct verification *v)
{
	char level[48] = "";

	if (v->seal->count)
		(void)snprintf(level, sizeof(level), "%s%s", v->seal->signatures[0].level,
			record_passed(v) ? "+ER" : "");
	return json_text(level);
}

static json_t *record_json(const struct verification *v)
{
	char signer[SHA256_TEXT_SIZE] = "";

	if (!v->record_indication)
		return json_null();
	if (v->record.token.signer &&
		pki_certificate_sha256(v->record.token.signer, signer) < 0)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:o, s:I}", "indication", v->record_indication,
		"sub_indication", record_outcome_text(&v->record), "gen_time",
		json_time(v->record.token.gen_time), "tsa_sha256",
		json_text(*signer ? signer : NULL), "depth", (json_int_t)v->record.depth);
}

static json_t *evidence_json(const struct verification *v)
{
	static const char *const claims[] = { "id", "partner", "received", "state",
		"type", "number", "status", "country", "import_country",
		"audit_record_sha256", NULL };
	static const char *const report[] = { "policy_digest", "store_version", NULL };
	bool test = v->statement.role && seal_role_is_test(v->statement.role);
	json_t *e = json_pack("{s:s, s:I, s:b, s:o, s:o, s:s, s:o, s:o}", "sha256",
		v->sha256, "size", (json_int_t)v->parts.parts[ASIC_DOCUMENT].len, "test",
		test, "role", json_text(v->statement.role), "seal_policy",
		json_text(v->statement.policy), "receipt_signature", v->receipt_signature,
		"level", level_json(v), "record", record_json(v));

	if (e && copy_members(e, v->claims, claims) == 0 &&
		copy_members(e, v->report, report) == 0)
		return e;
	json_decref(e);
	return NULL;
}

/* Indication of the whole: the seal's, unless the container is not what a seal of the
 * gate is about. */
static void indicate(
	const struct verification *v, const char **ret_indication, const char **ret_sub)
{
	enum xades_indication i = v->seal ? v->seal->indication : XADES_TOTAL_FAILED;
	bool failed = i == XADES_TOTAL_FAILED;

	if (v->wanting && i == XADES_TOTAL_PASSED && v->findings->errors == 0) {
		*ret_indication = xades_indication_text(XADES_INDETERMINATE);
		*ret_sub = v->wanting;
		return;
	}
	if (v->seal &&
		(failed || (v->errors == 0 && (i != XADES_TOTAL_PASSED ||
						      v->findings->errors == 0)))) {
		*ret_indication = xades_indication_text(i);
		*ret_sub = v->seal->sub_indication;
		return;
	}
	*ret_indication = xades_indication_text(XADES_TOTAL_FAILED);
	*ret_sub = "FORMAT_FAILURE";
}

static json_t *report_json(const struct verification *v)
{
	const char *indication, *sub;
	char at[CLOCK_TEXT_SIZE];

	clock_format(v->context->at, at);
	indicate(v, &indication, &sub);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "indication",
		indication, "sub_indication", sub, "profile", "eidas", "at", at,
		"policy_digest", xades_policy_digest(), "signatures",
		v->seal ? xades_signatures_to_json(v->seal) : json_array(), "findings",
		findings_to_json(v->findings), "evidence",
		v->seal ? evidence_json(v) : json_null());
}

/* Return: 1 valid, 0 not; the findings of the seal become ours. */
static int conclude(struct verification *v)
{
	bool passed = v->seal && v->seal->indication == XADES_TOTAL_PASSED;

	v->errors = v->findings->errors;
	/* Profile eidas does not know the gate's own policies; seal_check has looked. */
	if (v->seal && v->statement.policy && seal_policy_find(v->statement.policy))
		findings_drop_remarks(&v->seal->findings, "sig.policy");
	if (v->seal)
		findings_move(v->findings, &v->seal->findings);
	return passed && !v->wanting && v->findings->errors == 0;
}

int evidence_verify(struct span container, const struct evidence_context *context,
	struct findings *findings, json_t **ret_report)
{
	_cleanup_(verification_done) struct verification v = { .context = context,
		.findings = findings,
		.receipt_signature = "INDETERMINATE" };
	json_t *report;
	int r, valid;

	r = asic_read(container, findings, &v.parts);
	if (r > 0)
		r = verify_parts(&v);
	if (r < 0)
		return r;
	valid = conclude(&v);
	report = report_json(&v);
	if (!report || findings->out_of_memory) {
		json_decref(report);
		return -ENOMEM;
	}
	*ret_report = report;
	return valid;
}
