/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is found out about one document on the way to its verdict; private to admit.c and
 * its parts. The decision is in judged_decide, and nowhere else; never says accepted
 * while one of SEEN_ALL is missing.
 */
#ifndef SEALGATE_POLICY_JUDGED_H
#define SEALGATE_POLICY_JUDGED_H

#include "policy/admit.h"
#include "xades/validate.h"
#include "xml/reader.h"

/* What must have been seen before a document is accepted; each is set where it is seen.
 */
enum seen {
	SEEN_READABLE = 1 << 0,	  /* the octets are a tree */
	SEEN_SIGNATURES = 1 << 1, /* at least one, and each passed or may be held */
	SEEN_ENROLLED = 1 << 2,	  /* every signer, in its role */
	SEEN_OFFICER = 1 << 3,	  /* when the type demands one */
	SEEN_SEAL = 1 << 4,	  /* when the type demands one */
	SEEN_WHOLE = 1 << 5,	  /* what was signed is all of what was sent */
	SEEN_FACTS = 1 << 6,
	SEEN_TYPE = 1 << 7,
	SEEN_CLEAN = 1 << 8,   /* schema, codes, rules */
	SEEN_PARTNER = 1 << 9, /* may send this, from there */
	SEEN_ROUTE = 1 << 10,
	SEEN_PROVEN = 1 << 11, /* nothing experimental that may not be taken */
	SEEN_ALL = (1 << 12) - 1,
};

struct judged {
	const struct admit_context *context;
	const struct partner *partner; /* NULL: unknown */
	struct xades_report *signatures;
	bool usable[LIMIT_SIGNATURES]; /* passed, or may be held; by index of signature */
	size_t held;		       /* errors for which alone it would be held */
	int64_t at;		       /* the time that it is judged at */
	int64_t hold_seconds;	       /* the shortest of all holds */
	const char *hold_reason;       /* the first reason's code */
	/* Levels by lists that have ended, too, of each signature and the best. */
	enum qualification_level loose[LIMIT_SIGNATURES], officer_loose, seal_loose;
	bool graced[DEGRADED_DEPENDENCIES]; /* accepted beyond its end, by policy */
	bool officer, seal;		    /* seen among the usable */
	bool officer_there,
		seal_there; /* seen at all; then why they do not count is said */
	/* The best among those that were seen. */
	enum qualification_level officer_level, seal_level;
	xmlDoc *tree; /* without signatures; the signed one when there is one */
	bool tree_signed;
	struct facts facts;
	const struct document_type *type;
	struct findings findings; /* beside those of signatures */
	unsigned int seen;	  /* of enum seen */
};

void judged_done(struct judged *j);
#define _cleanup_judged_ _cleanup_(judged_done)

/* Set decision, error_count, hold_until and hold_reason; v->judged_at is set. */
void judged_decide(const struct judged *j, struct verdict *v);

/* Which signatures passed or may be held, and who made them: SEEN_SIGNATURES,
 * SEEN_ENROLLED, officer, seal and whether they are there at all. Return: 0 or -errno. */
int judge_signers(struct judged *j);

/* What a signature is by its qualification. */
enum qualification_level judged_level(const struct xades_signature *s);

/* Count an error, which the caller adds, as one that the document is held for. */
void judged_hold(struct judged *j, const char *code, int64_t seconds);

/* The time to judge at: of a clock that is behind what is known, by policy the time that
 * is known. */
void judge_clock(struct judged *j, int64_t at);

/* What signatures are by the trusted lists: by those that have ended, too, as policy
 * says. */
void judge_lists(struct judged *j);

/* Validate signatures into j->signatures; again with a grace when that is what policy
 * says for revocation data that has ended, noted in graced. Return: 0 or negative. */
int judge_validate(struct judged *j, struct span octets);

/* The graces as verdicts name them. */
void judged_name_graces(const struct judged *j, char *ret, size_t size);

/* Say in findings by which grace the document passes. */
void judge_say_grace(struct judged *j);

/* The tree to read: of the octets that were signed, proven to be all of what was sent
 * (SEEN_WHOLE), or else, for more findings only, of those that were sent. The tree of
 * signatures loses its signatures here. Return: 0 or -errno. */
int judge_octets(struct judged *j);

/* What is experimental, and whether it may be taken: SEEN_PROVEN. After the type. */
void judge_experimental(struct judged *j);

#endif
