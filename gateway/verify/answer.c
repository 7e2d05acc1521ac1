/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/service.h"

#include "common/encode.h"
#include "common/finding.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/memfd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int answer_decided(const struct job *j, const struct verdict *v, int report)
{
	if (!verdict_ok(v) || memcmp(v->sha256, j->request.sha256, SHA256_SIZE) != 0)
		return -EBADMSG;
	/* An asker that has gone away is told nothing, and that is no error of the
	 * worker. */
	(void)ipc_send(j->connection, VERIFY_ANSWER, j->id, v, sizeof(*v), &report, 1);
	return 0;
}

/* The report of a document that nobody could look at to the end. */
static json_t *report_of(const struct service *s, const struct job *j)
{
	char sha256[SHA256_TEXT_SIZE];
	_cleanup_findings_ struct findings f = { 0 };

	findings_add(&f, "limit.resource", NULL, NULL, NULL);
	if (j->request.mode == VERIFY_REPLY)
		return json_pack("{s:o, s:{s:s}}", "findings", findings_to_json(&f),
			"reply", "kind", "unreadable");
	hex_encode(j->request.sha256, SHA256_SIZE, sha256);
	return json_pack("{s:o, s:[], s:{}, s:s, s:s, s:s, s:s}", "findings",
		findings_to_json(&f), "signatures", "facts", "policy_digest",
		s->policy_digest, "store_version", s->store_version, "sha256", sha256,
		"decision", "refused");
}

static struct verdict verdict_of(const struct service *s, const struct job *j)
{
	struct verdict v = {
		.decision = DECISION_REFUSED, .error_count = 1, .judged_at = j->request.at
	};

	memcpy(v.sha256, j->request.sha256, sizeof(v.sha256));
	snprintf(v.policy_digest, sizeof(v.policy_digest), "%s", s->policy_digest);
	snprintf(v.store_version, sizeof(v.store_version), "%s", s->store_version);
	return v;
}

void answer_exhausted(const struct service *s, const struct job *j)
{
	_cleanup_json_ json_t *report = report_of(s, j);
	_cleanup_(freep) char *text = report ? json_canonical(report) : NULL;
	_cleanup_(closep) int fd = text ? memfd_from("report", span_str(text)) : -1;
	const struct verdict v = verdict_of(s, j);

	/* Without a report the connection is closed unanswered: undecided. */
	if (fd >= 0)
		(void)ipc_send(
			j->connection, VERIFY_ANSWER, j->id, &v, sizeof(v), &fd, 1);
}
