/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/probe.h"

#include "common/clock.h"
#include "intake/judge.h"
#include "intake/problem.h"
#include "policy/verify_client.h"

#define NO_DOCUMENT "00000000000000000000000000"

const char *probe_asker(const struct request *r)
{
	return *scgi_get(&r->scgi, PROBE_MEMBER) ? "health" : "nginx";
}

/* By the connection that a receipt is signed over, and for us alone. Return: NULL, else
 * the code of what is wrong, and *ret_received of what it is. */
static const char *signed_for(
	struct exchange *x, struct signer_result *result, const char **ret_received)
{
	int r = links_try_receipt(x->links, result);

	if (r == SIGNER_SIGNED)
		return NULL;
	*ret_received = *result->reason	      ? result->reason
			: r < 0		      ? "the signer gives no answer"
			: r == SIGNER_REFUSED ? "the signer refuses"
					      : "the token is away";
	return "http.signer-away";
}

/* By the connection that a document is committed over. Return: as signed_for. */
static const char *committed(struct exchange *x, const char **ret_received)
{
	enum queue_why why = QUEUE_WHY_NONE;
	int r = links_trial(x->links, &why);

	if (r == QUEUE_DONE)
		return NULL;
	*ret_received = r < 0 ? "it gives no answer" : queue_why_text(why);
	return "http.queue-away";
}

/* Return: NULL when it is refused by our policy, else the code of what is wrong. */
static const char *judged(struct exchange *x, struct judgement *j)
{
	const struct verify_request q = { .mode = VERIFY_DOCUMENT,
		.at = clock_now(),
		.subject = "self-test",
		.document_id = NO_DOCUMENT };
	int r = verify_ask(x->server->verify_socket, &q, x->request->body,
		x->request->sha256, VERIFY_TIMEOUT_MS, &j->verdict, &j->report_fd);

	if (r != 1)
		return r == 0 ? "http.busy" : "http.verify-away";
	if (strcmp(j->verdict.policy_digest, policy_digest(x->snapshot->policy)) != 0)
		return "http.policy-changing";
	if (judgement_read(j, NULL) || j->decision != DECISION_REFUSED)
		return "http.undecided";
	return NULL;
}

void probe(struct exchange *x)
{
	_cleanup_judgement_ struct judgement j = { .report_fd = -1 };
	const char *fault = NULL, *received = NULL;
	struct signer_result result;

	if (request_body(x->request) != 1)
		fault = "http.request";
	else
		fault = judged(x, &j);
	if (!fault)
		fault = signed_for(x, &result, &received);
	if (!fault)
		fault = committed(x, &received);
	if (fault)
		problem(x, fault, received, NULL);
	else
		response_json(x->response, 200, TYPE_JSON,
			json_pack("{s:s}", "sha256", x->request->sha256_text));
}
