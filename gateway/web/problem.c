/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/problem.h"

#include "common/finding.h"
#include "common/json.h"

#include <string.h>

#define RETRY_BUSY_S 2
#define RETRY_AWAY_S 5

static const struct reason *reason_of(const char *code)
{
	const struct reason *reason = code ? reason_find(code) : NULL;

	return reason ? reason : reason_find("internal.reason");
}

static json_t *members(const char *correlation, const struct reason *reason, int status,
	const char *received, const char *detail)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:o, s:o, s:s, s:s, s:s}", "type",
		"about:blank", "title", response_phrase(status), "status", status, "code",
		reason->code, "detail", json_text(detail ? detail : reason->sentence),
		"received", json_text(received ? received : ""), "fix", reason->fix,
		"clause", reason->clause, "correlation", correlation);
}

/* Everything is there: it will not take long. */
static bool only_busy(const char *code)
{
	return strcmp(code, "http.busy") == 0 || strcmp(code, "http.partner-busy") == 0;
}

static void answer(struct response *r, const struct reason *reason, int status,
	json_t *document, json_t *extra)
{
	if (document && extra && json_object_update(document, extra) < 0) {
		json_decref(document);
		document = NULL;
	}
	json_decref(extra);
	response_json(r, status, TYPE_PROBLEM, document);
	r->code = reason->code;
	if (status == 503)
		r->retry_after = only_busy(reason->code) ? RETRY_BUSY_S : RETRY_AWAY_S;
}

void web_problem(struct response *r, const char *correlation, const char *code,
	const char *received, const char *detail, json_t *extra)
{
	const struct reason *reason = reason_of(code);
	int status = reason->http_status;

	answer(r, reason, status, members(correlation, reason, status, received, detail),
		extra);
}

static bool is_error(const json_t *finding)
{
	const char *severity = json_string_of(finding, "severity");

	/* What has no severity that we know is no reason to let it pass. */
	return !severity ||
	       (strcmp(severity, "warning") != 0 && strcmp(severity, "info") != 0);
}

void web_problem_findings(
	struct response *r, const char *correlation, json_t *findings, json_t *extra)
{
	const json_t *first = NULL, *finding;
	const struct reason *reason;
	size_t i, errors = 0;
	json_t *document;
	int status;

	json_array_foreach(findings, i, finding)
	{
		if (!is_error(finding))
			continue;
		first = errors++ ? first : finding;
	}
	reason = reason_of(json_string_of(first, "code"));
	status = errors == 1 ? reason->http_status : 422;
	document = members(correlation, reason, status, json_string_of(first, "received"),
		json_string_of(first, "message"));
	if (document && json_object_set(document, "findings", findings) < 0) {
		json_decref(document);
		document = NULL;
	}
	answer(r, reason, status, document, extra);
}
