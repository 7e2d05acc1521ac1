/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/validation.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/memfd.h"
#include "policy/verify_client.h"

#include <stdio.h>

#define TIMEOUT_MS 15000
#define BUSY_TRIES 20
#define BUSY_WAIT_MS 150

static int digest_of(int fd, uint8_t ret_digest[SHA256_SIZE])
{
	struct span data;
	int r = memfd_map(fd, LIMIT_CONTAINER, &data);

	if (r < 0)
		return r;
	r = digest_sha256(data, ret_digest);
	memfd_unmap(&data);
	return r;
}

/* The verify process also serves the partners: busy is no failure. */
int validation_ask(const struct seal_house *house, enum verify_mode mode,
	const struct validation_subject *subject, int fd, struct verdict *ret_verdict,
	int *ret_report)
{
	struct verify_request request = { .mode = mode, .at = clock_now() };
	uint8_t expect[SHA256_SIZE];
	int r = digest_of(fd, expect);

	(void)snprintf(request.subject, sizeof(request.subject), "%s", subject->partner);
	(void)snprintf(request.document_id, sizeof(request.document_id), "%s",
		subject->document_id);
	for (int i = 0; r >= 0 && i < BUSY_TRIES; i++) {
		r = verify_ask(house->verify_socket, &request, fd, expect, TIMEOUT_MS,
			ret_verdict, ret_report);
		if (r != 0 || daemon_wait(house->daemon, BUSY_WAIT_MS))
			return r;
	}
	return r;
}

/* The first finding of a severity, or NULL. */
static const char *first_of(const json_t *report, const char *severity)
{
	const json_t *findings = json_object_get(report, "findings"), *f;
	size_t i;

	json_array_foreach(findings, i, f)
	{
		const char *is = json_string_of(f, "severity");

		if (is && strcmp(is, severity) == 0)
			return json_string_of(f, "message");
	}
	return NULL;
}

static void first_error(const json_t *report, char *ret_reason, size_t size)
{
	const char *indication = json_string_of(report, "indication");
	const char *sub = json_string_of(report, "sub_indication");
	const char *message = first_of(report, "error");

	if (!message)
		message = first_of(report, "warning");
	(void)snprintf(ret_reason, size, "%s %s%s%s",
		indication ? indication : "no indication", sub ? sub : "",
		message ? ": " : "", message ? message : "");
}

static bool seal_passed(const json_t *report)
{
	const json_t *seal = json_array_get(json_object_get(report, "signatures"), 0);
	const char *indication = json_string_of(seal, "indication");

	return indication && strcmp(indication, "TOTAL-PASSED") == 0;
}

static bool receipt_passed(const json_t *report)
{
	const json_t *evidence = json_object_get(report, "evidence");
	const char *indication = json_string_of(evidence, "receipt_signature");

	return indication && strcmp(indication, "PASSED") == 0;
}

enum validation validation_of_report(struct span report, char *ret_reason, size_t size)
{
	_cleanup_json_ json_t *json = json_read(report, LIMIT_REPORT);
	const char *indication = json_string_of(json, "indication");

	first_error(json, ret_reason, size);
	if (!indication || strcmp(indication, "INDETERMINATE") != 0)
		return VALIDATION_FAILED;
	return seal_passed(json) && !receipt_passed(json) ? VALIDATION_RECEIPT_UNPROVEN
							  : VALIDATION_UNPROVEN;
}

/* Of a container that passed. */
static void note_receipt(int report_fd, char *ret_reason, size_t size)
{
	_cleanup_json_ json_t *json = NULL;
	struct span report;

	*ret_reason = '\0';
	if (memfd_map(report_fd, LIMIT_REPORT, &report) < 0)
		return;
	json = json_read(report, LIMIT_REPORT);
	if (json && !receipt_passed(json))
		first_error(json, ret_reason, size);
	memfd_unmap(&report);
}

static enum validation why_not(int report_fd, char *ret_reason, size_t size)
{
	enum validation v;
	struct span report;

	if (memfd_map(report_fd, LIMIT_REPORT, &report) < 0) {
		(void)snprintf(ret_reason, size, "the report cannot be read");
		return VALIDATION_FAILED;
	}
	v = validation_of_report(report, ret_reason, size);
	memfd_unmap(&report);
	return v;
}

enum validation validate_container(const struct seal_house *house,
	const struct validation_subject *subject, int container_fd, char *ret_reason,
	size_t size)
{
	_cleanup_(closep) int report = -1;
	struct verdict verdict;
	int r = validation_ask(
		house, VERIFY_CONTAINER, subject, container_fd, &verdict, &report);

	if (r <= 0) {
		(void)snprintf(ret_reason, size, "the verify process: %s",
			r < 0 ? strerror(-r) : "busy");
		return VALIDATION_AWAY;
	}
	if (verdict.decision == DECISION_ACCEPTED) {
		note_receipt(report, ret_reason, size);
		return VALIDATION_PASSED;
	}
	return why_not(report, ret_reason, size);
}
