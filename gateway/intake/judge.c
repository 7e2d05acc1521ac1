/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/judge.h"

#include "common/finding.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "intake/identity.h"
#include "intake/problem.h"
#include "policy/verify_client.h"

#include <errno.h>
#include <stdio.h>

void judgement_done(struct judgement *j)
{
	if (j->report_fd >= 0)
		close(j->report_fd);
	json_decref(j->report);
	*j = (struct judgement){ .report_fd = -1 };
}

json_t *judgement_findings(const struct judgement *j)
{
	return json_object_get(j->report, "findings");
}

static int undecided(
	struct exchange *x, const char *document_id, const char *code, const char *why)
{
	log_event(LOG_ERR, "intake.undecided", document_id, "partner %s: %s",
		x->partner->name, why);
	problem(x, code, NULL, NULL);
	return 0;
}

static int ask(
	struct exchange *x, const char *document_id, int64_t at, struct judgement *j)
{
	struct verify_request q = { .mode = VERIFY_DOCUMENT, .at = at };
	int r;

	snprintf(q.subject, sizeof(q.subject), "%s", x->partner->name);
	snprintf(q.document_id, sizeof(q.document_id), "%s", document_id);
	judgement_done(j);
	r = verify_ask(x->server->verify_socket, &q, x->request->body, x->request->sha256,
		VERIFY_TIMEOUT_MS, &j->verdict, &j->report_fd);
	if (r == 1)
		return 1;
	if (r == 0) {
		problem(x, "http.busy", NULL, NULL);
		return 0;
	}
	return undecided(x, document_id,
		r == -ECONNREFUSED || r == -ENOENT ? "http.verify-away"
						   : "http.undecided",
		strerror(-r));
}

/* Judged by our policy, and by nothing that has been replaced since. */
static bool is_current(const struct exchange *x, const struct judgement *j)
{
	return strcmp(j->verdict.policy_digest, policy_digest(x->snapshot->policy)) ==
		       0 &&
	       renewed_holds(&x->server->renewed, &j->verdict);
}

/* Ask under one policy: when verify judged under another one than ours, or by a policy
 * and store that have been replaced, look at the files again, at the partner too, and ask
 * once more. */
static int ask_same_policy(
	struct exchange *x, const char *document_id, int64_t at, struct judgement *j)
{
	int r = ask(x, document_id, at, j);

	if (r == 0 || is_current(x, j))
		return r;
	snapshot_drop(x->snapshot);
	x->snapshot = snapshots_hold(&x->server->snapshots, true);
	if (!identify(x, at))
		return 0;
	r = ask(x, document_id, at, j);
	if (r == 0 || is_current(x, j))
		return r;
	return undecided(x, document_id, "http.policy-changing",
		"verify judges under another policy or store");
}

static int read_report(struct judgement *j)
{
	struct span text;
	int r = memfd_read(j->report_fd, LIMIT_REPORT, &text);

	if (r < 0)
		return r;
	j->report = json_read(text, LIMIT_REPORT);
	r = digest_sha256_text(text, j->report_sha256);
	memfd_release(&text);
	return r < 0 ? r : json_is_array(judgement_findings(j)) ? 0 : -EBADMSG;
}

static size_t count(const struct judgement *j, const char *severity)
{
	const json_t *finding;
	size_t i, n = 0;

	json_array_foreach(judgement_findings(j), i, finding)
	{
		const char *s = json_string_of(finding, "severity");

		n += s && strcmp(s, severity) == 0;
	}
	return n;
}

/* A worker that was taken over must not pass off one partner's document as another's, nor
 * contradict its own report. Return: NULL or what is wrong. */
static const char *contradiction(const struct partner *partner, const struct judgement *j)
{
	const struct verdict *v = &j->verdict;

	if (v->decision == DECISION_REFUSED)
		return count(j, "error") ? NULL : "refused without a reason";
	if (v->decision != DECISION_ACCEPTED && v->decision != DECISION_HELD)
		return "no decision";
	if (v->decision == DECISION_ACCEPTED && (v->error_count || count(j, "error")))
		return "accepted with errors";
	if (!*v->type || !*v->number || !*v->status || !*v->import_country)
		return "accepted without its key";
	if (!partner || !policy_partner_may_send(partner, v->type) ||
		strcmp(partner->country, v->export_country) != 0)
		return "not what this partner may send";
	return NULL;
}

const char *judgement_read(struct judgement *j, const struct partner *partner)
{
	const char *wrong =
		read_report(j) < 0 ? "report unreadable" : contradiction(partner, j);

	if (wrong)
		return wrong;
	j->decision = (enum decision)j->verdict.decision;
	j->warnings = (uint32_t)count(j, "warning");
	return NULL;
}

const char *judgement_decision(const struct judgement *j)
{
	switch (j->decision) {
	case DECISION_ACCEPTED:
		return "accepted";
	case DECISION_HELD:
		return "held";
	case DECISION_REFUSED:
	case DECISION_UNDECIDED:
	default:
		return "refused";
	}
}

int judgement_route(struct judgement *j, const struct policy *policy)
{
	j->destination_count = policy_route(
		policy, j->verdict.type, j->verdict.import_country, j->destinations);
	return j->destination_count
		       ? 0
		       : judgement_refuse(j, "route.none", "", j->verdict.type);
}

int judge(struct exchange *x, const char *document_id, int64_t at, struct judgement *ret)
{
	const char *wrong;

	*ret = (struct judgement){ .report_fd = -1 };
	if (!ask_same_policy(x, document_id, at, ret))
		return 0;
	wrong = judgement_read(ret, x->partner);
	if (wrong)
		return undecided(x, document_id, "http.undecided", wrong);
	if (ret->decision != DECISION_REFUSED &&
		judgement_route(ret, x->snapshot->policy) < 0)
		return undecided(x, document_id, "http.undecided", "out of memory");
	return 1;
}

static int add_finding(struct judgement *j, enum severity severity, const char *code,
	const char *where, const char *received)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_json_ json_t *array = NULL;
	_cleanup_(freep) char *text = NULL;
	int fd;

	findings_add_details(&findings, &(struct finding_details){ .code = code,
						.severity = severity,
						.where = where,
						.received = received });
	array = findings_to_json(&findings);
	if (!array || json_array_extend(judgement_findings(j), array) < 0)
		return -ENOMEM;
	text = json_canonical(j->report);
	if (!text)
		return -ENOMEM;
	if (strlen(text) > LIMIT_REPORT)
		return -E2BIG;
	if (digest_sha256_text(span_str(text), j->report_sha256) < 0)
		return -ENOMEM;
	fd = memfd_from("report", span_str(text));
	if (fd < 0)
		return fd;
	close(j->report_fd);
	j->report_fd = fd;
	return 0;
}

int judgement_refuse(
	struct judgement *j, const char *code, const char *where, const char *received)
{
	j->decision = DECISION_REFUSED; /* whatever fails below */
	return add_finding(j, SEVERITY_ERROR, code, where, received);
}

int judgement_warn(
	struct judgement *j, const char *code, const char *where, const char *received)
{
	j->warnings++;
	return add_finding(j, SEVERITY_WARNING, code, where, received);
}
