/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/qualify.h"

#include "pki/certificate.h"
#include "trust/map.h"
#include "trust/qualify_steps.h"
#include "trust/statements.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define CA_QC "/Svctype/CA/QC"
#define TSA_QTST "/Svctype/TSA/QTST"
#define EIDAS_BEGAN INT64_C(1467324000) /* 2016-06-30T22:00:00Z, Regulation 910/2014 */

static bool ends_with(const char *text, const char *end)
{
	size_t m = strlen(end), n;

	if (!text)
		return false;
	n = strlen(text);
	return n >= m && strcmp(text + n - m, end) == 0;
}

/* TS 119 612 5.5.4; before Regulation 910/2014 other words said as much. */
static bool is_granted(
	const struct trust_map *m, const struct map_instance *instance, int64_t at)
{
	const char *status = m->texts + instance->status;

	return ends_with(status, "/Svcstatus/granted") ||
	       (at < EIDAS_BEGAN &&
		       (ends_with(status, "/Svcstatus/undersupervision") ||
			       ends_with(status, "/Svcstatus/supervisionincessation") ||
			       ends_with(status, "/Svcstatus/accredited")));
}

/* The instance in force at a time: that whose status began last before it. */
static const struct map_instance *instance_at(
	const struct trust_map *m, const struct map_service *service, int64_t at)
{
	const struct map_instance *found = NULL;

	for (uint32_t n = 0; n < service->instance_count; n++) {
		const struct map_instance *i = &m->instances[service->first_instance + n];

		if (i->from <= at && (!found || i->from > found->from))
			found = i;
	}
	return found;
}

static bool is_of_type(
	const struct trust_map *m, const struct map_instance *instance, const char *type)
{
	return ends_with(m->texts + instance->type, type);
}

/* One service's word on a certificate. */
struct word {
	const struct trust_map *map;
	const struct statements *said;
	const struct map_instance *instance;
	unsigned int qualifiers; /* that its rules give the certificate */
	int64_t at;
	const struct map_service *service;
	struct qualify_steps *steps; /* NULL: nobody asked how */
};

static bool rule(const struct word *w, enum qualifier q)
{
	return (w->qualifiers & q) != 0;
}

static bool has_additional(const struct word *w, const char *name)
{
	for (uint32_t i = 0; i < w->instance->uri_count; i++)
		if (ends_with(w->map->texts + w->map->uris[w->instance->first_uri + i],
			    name))
			return true;
	return false;
}

static enum qualified_type type_said(const struct statements *s)
{
	if (s->esign + s->eseal + s->web != 1)
		return QUALIFIED_UNKNOWN;
	return s->esign ? QUALIFIED_ESIG : s->eseal ? QUALIFIED_ESEAL : QUALIFIED_WSA;
}

/* TS 119 615 4.4.4.3: of a qualified certificate a qualifier overrules what it says; two
 * of them say nothing. */
static enum qualified_type type_of(const struct word *w, bool qc)
{
	bool esig = rule(w, QUALIFIER_ESIG), eseal = rule(w, QUALIFIER_ESEAL),
	     web = rule(w, QUALIFIER_WSA);

	if (qc && esig + eseal + web == 1)
		return esig ? QUALIFIED_ESIG : eseal ? QUALIFIED_ESEAL : QUALIFIED_WSA;
	return type_said(w->said);
}

/* Since Regulation 910/2014 the service must be one for certificates of the type. */
static bool type_is_served(const struct word *w, enum qualified_type type)
{
	bool esig = has_additional(w, "/ForeSignatures");
	bool eseal = has_additional(w, "/ForeSeals");
	bool web = has_additional(w, "/ForWebSiteAuthentication");

	if (w->at < EIDAS_BEGAN)
		return true;
	switch (type) {
	case QUALIFIED_ESIG:
		return esig;
	case QUALIFIED_ESEAL:
		return eseal;
	case QUALIFIED_WSA:
		return web;
	case QUALIFIED_UNKNOWN:
	default:
		return (w->said->esign && esig) || (w->said->eseal && eseal) ||
		       (w->said->web && web);
	}
}

/* TS 119 615 4.4.4.2 */
static bool is_qc(const struct word *w, const char **ret_why)
{
	bool not = rule(w, QUALIFIER_NOT_QUALIFIED),
	     statement = rule(w, QUALIFIER_STATEMENT);

	if (not &&statement)
		*ret_why = "the service contradicts itself about qualified certificates";
	else if (not )
		*ret_why = "the service says that it is not qualified";
	else if (!statement && !w->said->compliance)
		*ret_why = "it does not say that it is qualified";
	else
		return true;
	return false;
}

/* TS 119 615 4.4.4.4. */
static bool is_qscd(const struct word *w)
{
	bool with = rule(w, QUALIFIER_QSCD) || rule(w, QUALIFIER_MANAGED);
	bool without = rule(w, QUALIFIER_NO_QSCD);

	if (with && without)
		return false;
	return with || (!without && w->said->sscd);
}

static void step(const struct word *w, const char *clause, const char *question,
	const char *answer, const char *because)
{
	qualify_step(
		w->steps, w->service, w->instance, clause, question, answer, because);
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

/* Who had the last word: a qualifier of the list, or the certificate. */
static const char *by_whom(const struct word *w, unsigned int qualifiers)
{
	return w->qualifiers & qualifiers ? "a qualifier of the entry says so"
					  : "what the certificate says of itself";
}

const char *qualified_type_text(enum qualified_type t)
{
	static const char *const TEXTS[] = {
		[QUALIFIED_UNKNOWN] = "unknown",
		[QUALIFIED_ESIG] = "signature",
		[QUALIFIED_ESEAL] = "seal",
		[QUALIFIED_WSA] = "website",
	};

	return TEXTS[t];
}

static void judge_by(const struct word *w, struct qualification *ret)
{
	bool served;

	*ret = (struct qualification){ .listed = true };
	ret->qc = is_qc(w, &ret->why);
	step(w, "TS 119 615 4.4.4.2", STEP_QC, yes_no(ret->qc),
		ret->why ? ret->why
			 : by_whom(w, QUALIFIER_STATEMENT | QUALIFIER_NOT_QUALIFIED));
	ret->type = type_of(w, ret->qc);
	step(w, "TS 119 615 4.4.4.3", STEP_TYPE, qualified_type_text(ret->type),
		by_whom(w, QUALIFIER_ESIG | QUALIFIER_ESEAL | QUALIFIER_WSA));
	if (!ret->qc)
		return;
	served = type_is_served(w, ret->type);
	step(w, "TS 119 612 5.5.9.4", STEP_SERVED, yes_no(served),
		w->at < EIDAS_BEGAN ? "before Regulation 910/2014 there were no types"
				    : "its additional service information");
	if (!served) {
		ret->qc = false;
		ret->why = "the service is not for certificates of its type";
	}
	ret->qscd = ret->qc && is_qscd(w);
	step(w, "TS 119 615 4.4.4.4", STEP_QSCD, yes_no(ret->qscd),
		by_whom(w, QUALIFIER_QSCD | QUALIFIER_MANAGED | QUALIFIER_NO_QSCD));
}

static bool is_other(const struct qualification *a, const struct qualification *b)
{
	return a->qc != b->qc || a->qscd != b->qscd || a->type != b->type;
}

/* A certificate at one time, and what was found out about it. */
struct asked {
	const struct trust_map *map;
	const STACK_OF(X509) * chain;
	struct statements said;
	struct certificate_facts facts; /* once a service has rules */
	bool has_facts;
	struct map_found found;
	int64_t at;
	size_t spoke; /* services that had a word */
	struct qualify_steps *steps;
};

static unsigned int qualifiers_by(struct asked *a, const struct map_instance *instance)
{
	if (instance->rule_count == 0)
		return 0;
	if (!a->has_facts)
		certificate_facts_read(sk_X509_value(a->chain, 0), &a->facts);
	a->has_facts = true;
	return rules_qualifiers(
		&a->map->rules, instance->first_rule, instance->rule_count, &a->facts);
}

static bool speaks(const struct asked *a, const struct map_service *service,
	const struct map_instance *now)
{
	bool of_type = now && is_of_type(a->map, now, CA_QC);
	bool granted = of_type && is_granted(a->map, now, a->at);

	qualify_step(a->steps, service, now, "TS 119 615 4.4.4.1", STEP_GRANTED,
		yes_no(granted),
		!now	   ? "the entry began later"
		: !of_type ? "it is of another type"
			   : "its status");
	return granted;
}

/* TS 119 615 4.4.4.1: what services do not agree on is not so. */
static void ask_service(
	struct asked *a, const struct map_service *service, struct qualification *ret)
{
	const struct trust_map *m = a->map;
	const struct map_instance *now = instance_at(m, service, a->at);
	struct qualification one;

	if (!speaks(a, service, now)) {
		if (a->spoke == 0)
			ret->why = "no service for qualified certificates was granted at "
				   "that time";
		return;
	}
	judge_by(&(struct word){ m, &a->said, now, qualifiers_by(a, now), a->at, service,
			 a->steps },
		&one);
	if (a->spoke++ == 0) {
		*ret = one;
		memcpy(ret->territory, m->lists[service->list].territory,
			sizeof(ret->territory));
	} else if (is_other(ret, &one)) {
		ret->qc = ret->qscd = false;
		ret->why = "services contradict each other";
		qualify_step(a->steps, service, now, "TS 119 615 4.4.4.1", STEP_AGREE,
			"no", "what they do not agree on is not so");
	}
}

/* What lists say that do not count is nothing. */
static void drop_ended(const struct trust_snapshot *s, const struct qualify_terms *terms,
	struct map_found *found, struct qualify_steps *steps)
{
	int64_t now = terms ? terms->now : s->at, grace = terms ? terms->grace : 0;
	size_t kept = 0;

	for (size_t i = 0; i < found->count; i++) {
		const struct map_service *service = &s->map->services[found->services[i]];
		bool counts = map_in_effect(s->map, service, now, grace);

		qualify_step(steps, service, NULL, "TS 119 615 4.1.4", STEP_COUNTS,
			yes_no(counts),
			counts ? "it has not ended"
			       : "its next update, or that of the list of lists, is "
				 "over");
		if (counts)
			found->services[kept++] = found->services[i];
	}
	found->count = kept;
}

static void asked_init(struct asked *a, const struct trust_snapshot *s,
	const struct qualify_terms *terms, const STACK_OF(X509) * chain,
	struct qualify_steps *steps)
{
	a->steps = steps;
	a->map = s->map;
	a->chain = chain;
	a->found.count = 0;
	a->found.too_many = false;
	statements_read(sk_X509_value(chain, 0), &a->said);
	a->facts = (struct certificate_facts){ 0 };
	a->has_facts = false;
	for (int i = 0; i < sk_X509_num(chain); i++)
		map_find_same(a->map, sk_X509_value(chain, i), &a->found);
	map_found_sort(&a->found);
	qualify_step(a->steps, NULL, NULL, "TS 119 612 5.5.3", STEP_KNOWN,
		yes_no(a->found.count > 0), "by name and key, in any list");
	drop_ended(s, terms, &a->found, a->steps);
}

static void ask(struct asked *a, int64_t at, struct qualification *ret)
{
	*ret = (struct qualification){ .why = "no trusted list knows its issuer",
		.type = type_said(&a->said),
		.listed = a->found.count > 0 };
	a->at = at;
	a->spoke = 0;
	for (size_t i = 0; i < a->found.count; i++)
		ask_service(a, &a->map->services[a->found.services[i]], ret);
	if (a->found.too_many) {
		ret->qc = ret->qscd = false;
		ret->why = "more services know it than are asked";
	}
}

static void qualify(const struct trust_snapshot *s, const struct qualify_terms *terms,
	const STACK_OF(X509) * chain, int64_t at, struct qualify_steps *steps,
	struct qualification *ret)
{
	struct asked a;

	*ret = (struct qualification){ .why = "no trusted list knows its issuer" };
	if (sk_X509_num(chain) < 1) {
		qualify_step(steps, NULL, NULL, "TS 119 612 5.5.3", STEP_KNOWN, "no",
			"no path leads to an entry");
		return;
	}
	asked_init(&a, s, terms, chain, steps);
	ask(&a, at, ret);
	certificate_facts_done(&a.facts);
}

void trust_qualify_certificate(const struct trust_snapshot *s,
	const struct qualify_terms *terms, const STACK_OF(X509) * chain, int64_t at,
	struct qualification *ret)
{
	qualify(s, terms, chain, at, NULL, ret);
}

void trust_qualify_explain(const struct trust_snapshot *s,
	const struct qualify_terms *terms, const STACK_OF(X509) * chain, int64_t at,
	json_t *steps, struct qualification *ret)
{
	qualify(s, terms, chain, at, &(struct qualify_steps){ steps, s->map, at }, ret);
}

static const char *word_of(const struct qualification *q)
{
	switch (q->type) {
	case QUALIFIED_ESIG:
		return q->qscd ? "QESIG" : q->qc ? "ADESIG_QC" : "ADESIG";
	case QUALIFIED_ESEAL:
		return q->qscd ? "QESEAL" : q->qc ? "ADESEAL_QC" : "ADESEAL";
	case QUALIFIED_WSA:
		return "NOT_ADES";
	case QUALIFIED_UNKNOWN:
	default:
		return q->qscd ? "UNKNOWN_QC_QSCD" : q->qc ? "UNKNOWN_QC" : "UNKNOWN";
	}
}

/* TS 119 615 4.5: qualified at both times, and the verdict says whether it is a
 * signature. */
static void qualify_signature(const struct trust_snapshot *s,
	const struct qualify_terms *terms, struct xades_signature *sig)
{
	struct qualification issued, best;
	struct asked a;
	int64_t from, to;
	bool failed = sig->indication == XADES_TOTAL_FAILED;

	(void)snprintf(sig->qualification, sizeof(sig->qualification), "NA");
	if (!sig->chain || !sig->signer ||
		pki_certificate_validity(sig->signer, &from, &to) < 0)
		return;
	if (sk_X509_num(sig->chain) < 1)
		return;
	asked_init(&a, s, terms, sig->chain, NULL);
	ask(&a, from, &issued);
	ask(&a, sig->best_signature_time, &best);
	certificate_facts_done(&a.facts);
	if (!best.listed)
		return;
	if (sig->path_outcome == PKI_PASSED)
		sig->trust = TRUST_BY_LISTS;
	best.qc = best.qc && issued.qc;
	best.qscd = best.qc && best.qscd && issued.qscd;
	if (failed)
		(void)snprintf(sig->qualification, sizeof(sig->qualification),
			"NOT_ADES%s",
			best.qscd ? "_QC_QSCD"
			: best.qc ? "_QC"
				  : "");
	else
		(void)snprintf(sig->qualification, sizeof(sig->qualification), "%s%s",
			sig->indication == XADES_TOTAL_PASSED ? "" : "INDETERMINATE_",
			word_of(&best));
}

/* TS 119 615 4.7: a service for qualified time-stamps, granted when it was made. */
static void qualify_stamp(const struct trust_snapshot *s,
	const struct qualify_terms *terms, struct xades_timestamp *t)
{
	const struct trust_map *m = s->map;
	struct map_found found = { .count = 0 };
	const char *word = "NA";

	if (t->signer) {
		map_find_same(m, t->signer, &found);
		map_find_issuers(m, t->signer, &found);
		drop_ended(s, terms, &found, NULL);
	}
	for (size_t i = 0; i < found.count; i++) {
		const struct map_instance *then =
			instance_at(m, &m->services[found.services[i]], t->gen_time);

		if (then && is_of_type(m, then, TSA_QTST) &&
			is_granted(m, then, t->gen_time))
			word = "QTSA";
		else if (strcmp(word, "NA") == 0)
			word = "TSA";
	}
	(void)snprintf(t->qualification, sizeof(t->qualification), "%s", word);
}

void trust_qualify_report(const struct trust_snapshot *s,
	const struct qualify_terms *terms, struct xades_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct xades_signature *sig = &report->signatures[i];

		qualify_signature(s, terms, sig);
		for (size_t t = 0; t < sig->timestamp_count; t++)
			qualify_stamp(s, terms, &sig->timestamps[t]);
	}
}
