/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The verdict on one document as it crosses process borders: plain data of fixed size, in
 * which zero means undecided; never a pointer, never free text beyond its arrays.
 */
#ifndef SEALGATE_POLICY_VERDICT_H
#define SEALGATE_POLICY_VERDICT_H

#include "common/digest.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum decision {
	DECISION_UNDECIDED = 0,
	DECISION_REFUSED = 0x52,
	DECISION_HELD = 0x48,
	DECISION_ACCEPTED = 0x41,
};

struct verdict {
	uint32_t decision; /* enum decision; any other value is undecided */
	uint32_t error_count;
	uint8_t sha256[SHA256_SIZE]; /* of the octets that were judged */
	char policy_digest[SHA256_TEXT_SIZE];
	char store_version[SHA256_TEXT_SIZE];
	char type[DOCUMENT_TYPE_SIZE];
	char number[DOCUMENT_NUMBER_SIZE];
	char status[STATUS_SIZE];
	char export_country[COUNTRY_SIZE];
	char import_country[COUNTRY_SIZE];
	char hold_reason[64]; /* reason code when held */
	/* By which graces it was not refused (policies/degraded/): names with blanks
	 * between, "crl lists"; "" none. */
	char grace[48];
	int64_t hold_until;
	int64_t judged_at;
};

/* True when every array ends in a NUL, the decision is one of the three, accepted comes
 * with no error and held with a reason and an end; only then may anything else be
 * believed. */
bool verdict_ok(const struct verdict *v);

#endif
