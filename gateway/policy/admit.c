/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/judged.h"

#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "policy/enclosed.h"
#include "xml/locate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COPY(to, from)                                                                   \
	do {                                                                             \
		_Static_assert(sizeof(to) == sizeof(from), "arrays of one size");        \
		memcpy((to), (from), sizeof(to));                                        \
	} while (0)

void judged_done(struct judged *j)
{
	findings_done(&j->findings);
	xmlFreeDoc(j->tree);
	xades_report_free(j->signatures);
}

static int judge_document(struct judged *j, int64_t at)
{
	int r = facts_read(j->tree, &j->facts, &j->findings);
	bool outdated;

	if (r < 0)
		return r;
	if (r == 1)
		j->seen |= SEEN_FACTS;
	r = document_version_read(
		j->context->types, j->tree, &j->facts, at, &j->findings);
	if (r < 0)
		return r;
	outdated = r == 0;
	j->type = document_type_find(j->context->types, j->tree, &j->facts, &j->findings);
	judge_experimental(j);
	if (!j->type) {
		/* Refused; its structure can be told all the same. */
		r = document_check_schema(
			j->context->types, j->tree, &j->facts, &j->findings);
		return r < 0 ? r : 0;
	}
	j->seen |= SEEN_TYPE;
	r = document_check(
		j->context->types, j->type, j->tree, &j->facts, at, &j->findings);
	if (r == 1 && !outdated && j->tree_signed)
		j->seen |= SEEN_CLEAN;
	return r < 0 ? r : 0;
}

static const char *level_text(enum qualification_level level)
{
	static const char *const TEXTS[] = {
		[LEVEL_ADVANCED] = "advanced",
		[LEVEL_ADVANCED_QC] = "advanced with a qualified certificate",
		[LEVEL_QUALIFIED] = "qualified",
	};

	return TEXTS[level];
}

/* Is a signature of a role, which is there, what the partner's file demands? loose: what
 * it is by lists that have ended, too; then it may be held. */
static bool qualified_enough(struct judged *j, const char *what,
	enum qualification_level demanded, enum qualification_level found,
	enum qualification_level loose)
{
	const struct degraded_rule *rule =
		policy_degraded(j->context->policy, DEGRADED_LISTS);
	bool held = loose >= demanded && rule->mode == DEGRADED_HOLD;

	if (found >= demanded)
		return true;
	if (held)
		judged_hold(j, "partner.qualification", rule->seconds);
	findings_addf(&j->findings, SEVERITY_ERROR, "partner.qualification", NULL,
		level_text(found), "The %s must be %s by the EU's trusted lists%s.", what,
		level_text(demanded),
		held		    ? "; one that says so has ended"
		: j->context->lists ? ""
				    : ", of which this gate has none");
	return held;
}

/* What the type and the partner's file demand of signatures. Without a type nothing is
 * seen. */
static void judge_demands(struct judged *j)
{
	static const struct partner_demand NONE = { .type_count = 0 };
	const struct partner_demand *demand = NULL;
	bool officer_required, seal_required;

	if (!j->type)
		return;
	if (j->partner)
		demand = policy_demand(j->partner, j->type->name);
	if (!demand)
		demand = &NONE;
	officer_required = j->type->officer_required && !demand->seal_carries;
	seal_required = j->type->seal_required || demand->seal_carries;
	if (j->officer ? qualified_enough(j, "officer's signature", demand->officer,
				 j->officer_level, j->officer_loose)
		       : !officer_required)
		j->seen |= SEEN_OFFICER;
	else if (!j->officer_there)
		findings_addf(&j->findings, SEVERITY_ERROR, "partner.officer-missing",
			NULL, NULL,
			"A document of type %s needs the signature of an enrolled "
			"officer over the whole document.",
			j->type->name);
	if (j->seal ? qualified_enough(j, "authority's seal", demand->seal, j->seal_level,
			      j->seal_loose)
		    : !seal_required)
		j->seen |= SEEN_SEAL;
	else if (!j->seal_there)
		findings_addf(&j->findings, SEVERITY_ERROR, "partner.seal-missing", NULL,
			NULL,
			"A document of type %s needs the seal of the enrolled authority.",
			j->type->name);
}

static bool may_send_type(struct judged *j)
{
	if (!j->type)
		return false;
	if (strcmp(j->type->direction, "import") == 0 &&
		document_type_issued_by(j->type, j->partner->kind) &&
		policy_partner_may_send(j->partner, j->type->name))
		return true;
	findings_addf(&j->findings, SEVERITY_ERROR, "document.type-not-allowed", NULL,
		j->type->name, "%s may not send documents of type %s.", j->partner->name,
		j->type->name);
	return false;
}

static bool country_fits(struct judged *j)
{
	if (strcmp(j->partner->country, j->facts.export_country) == 0)
		return true;
	findings_addf(&j->findings, SEVERITY_ERROR, "document.country", NULL,
		j->facts.export_country,
		"The export country is not %s, for which %s may issue documents.",
		j->partner->country, j->partner->name);
	return false;
}

static void judge_partner(struct judged *j)
{
	bool type_fits, origin_fits;

	if (!j->partner) {
		findings_add(&j->findings, "partner.unknown", NULL, NULL, NULL);
		return;
	}
	if (j->partner->suspended)
		findings_add(&j->findings, "partner.suspended", NULL, NULL, NULL);
	type_fits = may_send_type(j);
	origin_fits = country_fits(j);
	if (type_fits && origin_fits && !j->partner->suspended)
		j->seen |= SEEN_PARTNER;
}

static void judge_route(struct judged *j)
{
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];

	if (!j->type || !j->facts.import_country[0])
		return;
	if (policy_route(
		    j->context->policy, j->type->name, j->facts.import_country, names))
		j->seen |= SEEN_ROUTE;
	else
		findings_addf(&j->findings, SEVERITY_ERROR, "route.none", NULL,
			j->facts.import_country,
			"No route leads from type %s to a destination in %s.",
			j->type->name, j->facts.import_country);
}

/* Whom the gate believes is agreed with each authority, or is nobody but a rehearsal's;
 * what the EU's lists say of the same signer is another thing, and only `qualification`
 * says it. */
static void label_trust(struct judged *j)
{
	const char *word = j->partner && j->partner->sandbox ? "sandbox" : "bilateral";

	for (size_t i = 0; i < j->signatures->count; i++) {
		struct xades_signature *s = &j->signatures->signatures[i];

		s->trust = s->path_outcome == PKI_PASSED ? word : NULL;
	}
}

static int judge_all(struct judged *j, int64_t at)
{
	int r;

	if (!j->signatures->doc)
		return 0;
	j->seen |= SEEN_READABLE;
	r = judge_signers(j);
	if (r == 0)
		r = judge_octets(j);
	if (r == 0)
		r = judge_document(j, at);
	if (r < 0)
		return r;
	judge_demands(j);
	judge_say_grace(j);
	judge_partner(j);
	judge_route(j);
	return 0;
}

/* The one place where a document is decided. Acceptance and holding ask that everything
 * was positively seen; errors are none, or, for holding, those of the held signatures
 * alone. */
void judged_decide(const struct judged *j, struct verdict *v)
{
	size_t errors = j->findings.errors + j->signatures->findings.errors;

	judged_name_graces(j, v->grace, sizeof(v->grace));
	v->error_count = errors > UINT32_MAX ? UINT32_MAX : (uint32_t)errors;
	if (j->seen == SEEN_ALL && j->held == 0 && errors == 0) {
		v->decision = DECISION_ACCEPTED;
	} else if (j->seen == SEEN_ALL && j->held > 0 && errors == j->held &&
		   j->hold_seconds > 0) {
		v->decision = DECISION_HELD;
		v->hold_until = v->judged_at + j->hold_seconds;
		snprintf(v->hold_reason, sizeof(v->hold_reason), "%s", j->hold_reason);
	} else {
		v->decision = DECISION_REFUSED;
	}
}

static void describe(const struct judged *j, struct verdict *v)
{
	if (j->type)
		COPY(v->type, j->type->name);
	COPY(v->number, j->facts.number);
	COPY(v->status, j->facts.status);
	COPY(v->export_country, j->facts.export_country);
	COPY(v->import_country, j->facts.import_country);
	snprintf(v->policy_digest, sizeof(v->policy_digest), "%s",
		policy_digest(j->context->policy));
	snprintf(v->store_version, sizeof(v->store_version), "%s",
		j->context->store_version);
}

static const char *decision_text(uint32_t decision)
{
	return decision == DECISION_ACCEPTED ? "accepted"
	       : decision == DECISION_HELD   ? "held"
					     : "refused";
}

/* What it says about an earlier document; empty while the type is not known. */
static json_t *relation_of(const struct judged *j)
{
	const char *number = "", *relation = "";

	if (j->type)
		relation = document_type_relation(j->type, &j->facts, &number);
	return json_pack(
		"{s:s, s:s}", "relation", relation, "number", *relation ? number : "");
}

/* What goes first of the queue's work; nothing of a document of unknown type. */
static json_t *urgency_of_document(const struct judged *j, int64_t at)
{
	struct urgency_found found;

	if (!j->type)
		return json_null();
	document_type_urgency(j->type, j->tree, &j->facts, at, &found);
	return json_pack(
		"{s:s, s:o}", "is", found.letter, "expected", json_time(found.expected));
}

static json_t *report_of(struct judged *j, const struct verdict *v, struct span octets,
	const char *sha256, json_t *signatures)
{
	char at[CLOCK_TEXT_SIZE];
	struct findings all = { 0 };
	json_t *report;

	findings_move(&all, &j->signatures->findings);
	findings_move(&all, &j->findings);
	xml_locate(octets, &all);
	clock_format(v->judged_at, at);
	report = json_pack(
		"{s:o, s:O, s:o, s:o, s:o, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:o}",
		"findings", findings_to_json(&all), "signatures", signatures, "facts",
		facts_to_json(&j->facts), "original", relation_of(j), "urgency",
		urgency_of_document(j, v->judged_at), "policy_digest", v->policy_digest,
		"store_version", v->store_version, "lists_version",
		j->context->lists_version, "sha256", sha256, "at", at, "type", v->type,
		"decision", decision_text(v->decision), "grace", json_text(v->grace));
	if (all.out_of_memory) {
		json_decref(report);
		report = NULL;
	}
	findings_done(&all);
	return report;
}

static int conclude(struct judged *j, struct span octets, json_t *signatures,
	struct span validation, int64_t at, struct verdict *ret_verdict,
	json_t **ret_report)
{
	struct verdict v = { .judged_at = at };
	char sha256[SHA256_TEXT_SIZE];
	json_t *report;
	int r = digest_sha256(octets, v.sha256);

	if (r == 0 && (j->findings.out_of_memory || !signatures))
		r = -ENOMEM;
	if (r < 0)
		return r;
	hex_encode(v.sha256, sizeof(v.sha256), sha256);
	describe(j, &v);
	judged_decide(j, &v);
	/* Something was not seen and nobody said why: a slip of ours decides nothing. */
	if (v.decision == DECISION_REFUSED && v.error_count == 0)
		return -EPROTO;
	report = report_of(j, &v, octets, sha256, signatures);
	if (report && v.decision == DECISION_ACCEPTED &&
		json_object_set_new(report, "enclosed", enclosed(j->tree, validation)) <
			0) {
		json_decref(report);
		report = NULL;
	}
	if (!report)
		return -ENOMEM;
	*ret_verdict = v;
	*ret_report = report;
	return 0;
}

int admit(const struct admit_context *context, struct span octets, const char *partner,
	int64_t at, struct verdict *ret_verdict, json_t **ret_report)
{
	_cleanup_judged_ struct judged j = { .context = context,
		.partner = policy_partner(context->policy, partner) };
	_cleanup_json_ json_t *signatures = NULL;
	_cleanup_buf_ struct buf validation;
	int r;

	buf_init(&validation, ENCLOSED_MAX);
	judge_clock(&j, at);
	r = judge_validate(&j, octets);
	if (r < 0)
		return r;
	judge_lists(&j);
	label_trust(&j);
	/* Before the tree loses its signatures. */
	signatures = xades_signatures_to_json(j.signatures);
	if (j.signatures->indication == XADES_TOTAL_PASSED)
		(void)xades_report_to_etsi(j.signatures, j.at, &validation);
	r = judge_all(&j, j.at);
	if (r < 0)
		return r;
	return conclude(&j, octets, signatures,
		validation.error ? span_of(NULL, 0) : buf_span(&validation), at,
		ret_verdict, ret_report);
}
