/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A document judged by two policies: what differs, and the account of it, partner by
 * partner; never judges, never asks.
 */
#ifndef SEALGATE_CTL_RERUN_H
#define SEALGATE_CTL_RERUN_H

#include "common/cleanup.h"
#include "policy/policy.h"
#include "policy/verdict.h"
#include "queue/types.h"

#include <jansson.h>
#include <stdio.h>

/* What one policy says of a document. */
struct rerun {
	enum decision decision;
	const json_t *findings; /* of its report */
	char route[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	size_t route_count;
};

/* What would be otherwise. */
struct rerun_change {
	enum decision was, would;
	bool verdict, route;
	json_t *gained, *lost; /* findings, arrays */
};

void rerun_change_done(struct rerun_change *c);
#define _cleanup_rerun_change_ _cleanup_(rerun_change_done)

/* Compare what the policy in force says now (base) with what another would say (next).
 * stored is what was decided when the document came. Where base cannot say that again,
 * because trust material has changed since, the findings that only next has decide.
 * Return: 0 or -ENOMEM. */
int rerun_compare(enum decision stored, const struct rerun *base,
	const struct rerun *next, struct rerun_change *ret_change);

const char *rerun_decision_text(enum decision d);

struct rerun_account {
	json_t *partners; /* name to counts */
	json_t *changes;  /* at most RERUN_CHANGES_MAX */
	size_t judged, changed, undecided, not_kept, left_off;
	size_t octets; /* of changes */
	/* Why there are more documents than were judged: "limit", as many were asked for,
	 * or what the walk was ended for; NULL: there are not. */
	const char *cut;
};

#define RERUN_CHANGES_MAX 1000
#define RERUN_OCTETS_MAX (4u * 1024 * 1024)
#define RERUN_LIMIT "limit"

/* Each takes a document into the account. Return: 0 or -ENOMEM. */
int rerun_note(struct rerun_account *a, const struct queue_document *d,
	const struct rerun *base, const struct rerun *next, const struct rerun_change *c);
int rerun_note_undecided(struct rerun_account *a, const struct queue_document *d);
int rerun_note_not_kept(struct rerun_account *a, const char *partner);

int rerun_account_init(struct rerun_account *a);
void rerun_account_done(struct rerun_account *a);

/* {"judged","changed","undecided","not_kept","complete","left_off","partners":[{"partner",
 * "documents","verdicts","routes","findings","undecided","not_kept"}],"changes":[...]},
 * and "cut" where it is not complete: a new reference. */
json_t *rerun_to_json(const struct rerun_account *a);

/* The same for people. */
void rerun_print(FILE *out, const json_t *account);

#endif
