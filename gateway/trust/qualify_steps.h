/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How a qualification came about, step by step, for people: the question, its clause, the
 * answer, and the entry of the list that gave it; private to this library, never decides.
 */
#ifndef SEALGATE_TRUST_QUALIFY_STEPS_H
#define SEALGATE_TRUST_QUALIFY_STEPS_H

#include "common/json.h"
#include "trust/map.h"

/* Where steps go. */
struct qualify_steps {
	json_t *all; /* an array */
	const struct trust_map *map;
	int64_t at; /* the time that is asked about */
};

/* What the questions are about. */
#define STEP_KNOWN "does an entry of a list identify it or its issuer?"
#define STEP_COUNTS "does the list count?"
#define STEP_GRANTED "is it a service for qualified certificates, granted at that time?"
#define STEP_QC "is it a qualified certificate?"
#define STEP_TYPE "what is it for?"
#define STEP_SERVED "is the service one for certificates of its type?"
#define STEP_QSCD "is its key in a qualified device?"
#define STEP_AGREE "do the entries agree?"

/* Note one. steps: NULL: nobody asked, and nothing is done. service, instance: the entry;
 * NULL: of none. */
void qualify_step(struct qualify_steps *steps, const struct map_service *service,
	const struct map_instance *instance, const char *clause, const char *question,
	const char *answer, const char *because);

#endif
