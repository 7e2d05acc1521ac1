/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The verdict on a body: asked of verify, believed only when it is about these octets,
 * this policy and this partner; never accepts what is undecided.
 */
#ifndef SEALGATE_INTAKE_JUDGE_H
#define SEALGATE_INTAKE_JUDGE_H

#include "intake/exchange.h"
#include "policy/verdict.h"

struct judgement {
	enum decision decision; /* with our own refusals, which the verdict has not */
	struct verdict verdict;
	int report_fd;	/* sealed memfd; owned */
	json_t *report; /* owned */
	char report_sha256[SHA256_TEXT_SIZE];
	char destinations[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	size_t destination_count;
	uint32_t warnings;
};

/* Judge the body of the request. document_id is for the log of verify.
 * Return: 1 accepted, held or refused in *ret; 0 undecided, x->response holds the
 * problem. *ret may be used with judgement_done in either case. */
int judge(struct exchange *x, const char *document_id, int64_t at, struct judgement *ret);
void judgement_done(struct judgement *j);

/* What verify answered, believed: verdict and report_fd are set; fills in decision,
 * report and warnings. partner NULL: unknown, only a refusal can be
 * believed. Return: NULL, or what is wrong with it: undecided. */
const char *judgement_read(struct judgement *j, const struct partner *partner);

/* "accepted", "held" or "refused". */
const char *judgement_decision(const struct judgement *j);

/* Where a document that is not refused goes; nowhere: it is refused.
 * Return: 0, -ENOMEM, -E2BIG. */
int judgement_route(struct judgement *j, const struct policy *policy);

/* Findings of the report, borrowed; never NULL after judge returned 1. */
json_t *judgement_findings(const struct judgement *j);

/* Refuse on a ground of our own: the finding is added to the report.
 * Return: 0, -ENOMEM, -E2BIG. */
int judgement_refuse(
	struct judgement *j, const char *code, const char *where, const char *received);

/* The same as a warning: nothing is refused. */
int judgement_warn(
	struct judgement *j, const char *code, const char *where, const char *received);

#define _cleanup_judgement_ _cleanup_(judgement_done)

#endif
