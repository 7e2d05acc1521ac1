/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a pattern looks like in memory, between match_parse.c, which reads it, and
 * match.c, which asks it; never used outside the two.
 */
#ifndef SEALGATE_DOCUMENT_MATCH_MODEL_H
#define SEALGATE_DOCUMENT_MATCH_MODEL_H

#include "document/match.h"
#include "document/quick.h"

#define STEPS_MAX 16
#define PREDICATES_MAX 4
#define ALTERNATIVES_MAX 16
/* Each // in the middle of a pattern is a loop over ancestors within the one before. */
#define DEEP_MAX 3

/* What a step with a position selected last. */
struct siblings {
	const xmlNode *parent; /* NULL: nothing is kept */
	xmlXPathObject *set;
};

struct step {
	enum match_kind kind;
	bool deep;  /* behind // instead of / */
	char *name; /* NULL: any */
	char *uri;  /* NULL: none */
	bool any_namespace;
	struct test predicates[PREDICATES_MAX]; /* truth values at the node */
	size_t predicate_count;
	/* With a position among the predicates: the whole step, from the parent. */
	xmlXPathCompExpr *select;
	struct siblings *kept; /* with select */
};

struct alternative {
	bool absolute;
	struct step *steps; /* none: the root */
	size_t count;
};

struct match {
	struct alternative *alternatives;
	size_t count;
	bool positions; /* some step has select */
};

#endif
