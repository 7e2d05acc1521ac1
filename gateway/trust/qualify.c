/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/qualify.h"

#include "common/json.h"
#include "pki/certificate.h"
#include "trust/criteria.h"
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
static bool is_granted(const json_t *instance, int64_t at)
{
	const char *status = json_string_of(instance, "status");

	return ends_with(status, "/Svcstatus/granted") ||
	       (at < EIDAS_BEGAN &&
		       (ends_with(status, "/Svcstatus/undersupervision") ||
			       ends_with(status, "/Svcstatus/supervisionincessation") ||
			       ends_with(status, "/Svcstatus/accredited")));
}

/* The instance in force at a time: that whose status began last before it. */
static const json_t *instance_at(const json_t *instances, int64_t at)
{
	const json_t *i, *found = NULL;
	int64_t best = INT64_MIN;
	size_t n;

	json_array_foreach(instances, n, i)
	{
		int64_t from = json_integer_value(json_object_get(i, "from"));

		if (from <= at && from > best) {
			best = from;
			found = i;
		}
	}
	return found;
}

/* A key and a name are what a service is known by (TS 119 612 5.5.3). */
static bool is_same(const X509 *a, const X509 *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static bool identifies(const struct snapshot_service *s, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(s->identities); i++)
		for (int c = 0; c < sk_X509_num(chain); c++)
			if (is_same(sk_X509_value(s->identities, i),
				    sk_X509_value(chain, c)))
				return true;
	return false;
}

static bool has_additional(const json_t *instance, const char *name)
{
	const json_t *uri;
	size_t i;

	json_array_foreach(json_object_get(instance, "services"), i,
		uri) if (ends_with(json_string_value(uri), name)) return true;
	return false;
}

/* One service's word on a certificate. */
struct word {
	const struct statements *said;
	const json_t *instance, *rules;
	X509 *certificate;
	int64_t at;
};

static bool rule(const struct word *w, const char *name)
{
	return criteria_qualifies(w->rules, w->certificate, name);
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
	bool esig = rule(w, "QCForESig"), eseal = rule(w, "QCForESeal"),
	     web = rule(w, "QCForWSA");

	if (qc && esig + eseal + web == 1)
		return esig ? QUALIFIED_ESIG : eseal ? QUALIFIED_ESEAL : QUALIFIED_WSA;
	return type_said(w->said);
}

/* Since Regulation 910/2014 the service must be one for certificates of the type. */
static bool type_is_served(const struct word *w, enum qualified_type type)
{
	bool esig = has_additional(w->instance, "/ForeSignatures");
	bool eseal = has_additional(w->instance, "/ForeSeals");
	bool web = has_additional(w->instance, "/ForWebSiteAuthentication");

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
	bool not = rule(w, "NotQualified"), statement = rule(w, "QCStatement");

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

/* TS 119 615 4.4.4.4; SSCD are the words of before Regulation 910/2014. */
static bool is_qscd(const struct word *w)
{
	bool with = rule(w, "QCWithQSCD") || rule(w, "QCQSCDManagedOnBehalf") ||
		    rule(w, "QCWithSSCD");
	bool without = rule(w, "QCNoQSCD") || rule(w, "QCNoSSCD");

	if (with && without)
		return false;
	return with || (!without && w->said->sscd);
}

static void judge_by(const struct word *w, struct qualification *ret)
{
	*ret = (struct qualification){ .listed = true };
	ret->qc = is_qc(w, &ret->why);
	ret->type = type_of(w, ret->qc);
	if (ret->qc && !type_is_served(w, ret->type)) {
		ret->qc = false;
		ret->why = "the service is not for certificates of its type";
	}
	ret->qscd = ret->qc && is_qscd(w);
}

static bool is_other(const struct qualification *a, const struct qualification *b)
{
	return a->qc != b->qc || a->qscd != b->qscd || a->type != b->type;
}

void trust_qualify_certificate(const struct trust_snapshot *s,
	const STACK_OF(X509) * chain, int64_t at, struct qualification *ret)
{
	struct statements said;
	size_t spoke = 0;

	*ret = (struct qualification){ .why = "no trusted list knows its issuer" };
	if (sk_X509_num(chain) < 1)
		return;
	statements_read(sk_X509_value(chain, 0), &said);
	ret->type = type_said(&said);
	for (size_t i = 0; i < s->service_count; i++) {
		const struct snapshot_service *service = &s->services[i];
		const json_t *now;
		struct qualification one;

		if (!identifies(service, chain))
			continue;
		ret->listed = true;
		now = instance_at(service->instances, at);
		if (!now || !ends_with(json_string_of(now, "type"), CA_QC) ||
			!is_granted(now, at)) {
			if (spoke == 0)
				ret->why = "no service for qualified certificates was "
					   "granted at that time";
			continue;
		}
		judge_by(&(struct word){ &said, now,
				 json_object_get(now, "qualifications"),
				 sk_X509_value(chain, 0), at },
			&one);
		if (spoke++ == 0) {
			*ret = one;
			memcpy(ret->territory, service->territory,
				sizeof(ret->territory));
		} else if (is_other(ret, &one)) {
			/* TS 119 615 4.4.4.1: what services do not agree on is not so. */
			ret->qc = ret->qscd = false;
			ret->why = "services contradict each other";
		}
	}
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
static void qualify_signature(const struct trust_snapshot *s, struct xades_signature *sig)
{
	struct qualification issued, best;
	int64_t from, to;
	bool failed = sig->indication == XADES_TOTAL_FAILED;

	if (!sig->chain || !sig->signer ||
		pki_certificate_validity(sig->signer, &from, &to) < 0)
		return;
	trust_qualify_certificate(s, sig->chain, from, &issued);
	trust_qualify_certificate(s, sig->chain, sig->best_signature_time, &best);
	if (!best.listed)
		return;
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

static bool knows(const struct snapshot_service *s, X509 *signer)
{
	for (int i = 0; i < sk_X509_num(s->identities); i++) {
		X509 *x = sk_X509_value(s->identities, i);

		if (is_same(x, signer) || X509_check_issued(x, signer) == X509_V_OK)
			return true;
	}
	return false;
}

/* TS 119 615 4.7: a service for qualified time-stamps, granted when it was made. */
static void qualify_stamp(const struct trust_snapshot *s, struct xades_timestamp *t)
{
	const char *word = "NA";

	for (size_t i = 0; t->signer && i < s->service_count; i++) {
		const json_t *then;

		if (!knows(&s->services[i], t->signer))
			continue;
		then = instance_at(s->services[i].instances, t->gen_time);
		if (then && ends_with(json_string_of(then, "type"), TSA_QTST) &&
			is_granted(then, t->gen_time))
			word = "QTSA";
		else if (strcmp(word, "NA") == 0)
			word = "TSA";
	}
	(void)snprintf(t->qualification, sizeof(t->qualification), "%s", word);
}

void trust_qualify_report(const struct trust_snapshot *s, struct xades_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct xades_signature *sig = &report->signatures[i];

		qualify_signature(s, sig);
		for (size_t t = 0; t < sig->timestamp_count; t++)
			qualify_stamp(s, &sig->timestamps[t]);
	}
}
