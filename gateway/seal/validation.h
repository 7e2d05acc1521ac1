/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The last look at a finished container by a process of its own; never a second opinion
 * of this one.
 */
#ifndef SEALGATE_SEAL_VALIDATION_H
#define SEALGATE_SEAL_VALIDATION_H

#include "policy/verify_client.h"
#include "seal/attempt.h"

enum validation {
	VALIDATION_AWAY = 0, /* no answer, busy for too long */
	VALIDATION_PASSED,
	VALIDATION_FAILED,   /* wrong for good */
	VALIDATION_UNPROVEN, /* INDETERMINATE: anchors or revocation data are missing here
			      */
	VALIDATION_RECEIPT_UNPROVEN, /* the same of its receipt alone */
};

/* Whose worker looks: nothing of a partner is parsed where another's is. */
struct validation_subject {
	const char *partner; /* "seal" where nothing of a partner is parsed */
	const char *document_id;
};

/* Have a worker look at octets of at most LIMIT_CONTAINER in a sealed memfd, busy or not
 * for a while. Return: as verify_ask. */
int validation_ask(const struct seal_house *house, enum verify_mode mode,
	const struct validation_subject *subject, int fd, struct verdict *ret_verdict,
	int *ret_report);

/* Ask the verify process about a container (a sealed memfd). Return: enum validation,
 * with one line in ret_reason; when passed, of what its receipt lacks for good, or "". */
enum validation validate_container(const struct seal_house *house,
	const struct validation_subject *subject, int container_fd, char *ret_reason,
	size_t size);

/* What a report says about a container that was not accepted; for tests. */
enum validation validation_of_report(struct span report, char *ret_reason, size_t size);

#endif
