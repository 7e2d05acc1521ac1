/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The supply of revocation data: which source is due, what became of it, and the file in
 * which everybody may read that; never fetches by itself what no source names.
 */
#ifndef SEALGATE_TRUSTD_SUPPLY_H
#define SEALGATE_TRUSTD_SUPPLY_H

#include "common/instance.h"
#include "common/json.h"
#include "policy/sources.h"
#include "trustd/fetch.h"

/* One source while the program runs. */
struct supply_state {
	char etag[ETAG_SIZE]; /* of what is published; "" ask for it whole */
	int64_t due_ms;	      /* clock_monotonic_ms */
	int64_t tried, done;  /* times of the last attempt and success; 0 none */
	int64_t this_update, next_update;
	unsigned int failures; /* since the last success */
	char result[16]; /* "published", "unchanged", "failed", "refused"; "" none */
	char reason[200];
};

struct supply {
	char policies[PATH_MAX], folder[PATH_MAX], ca[PATH_MAX];
	bool test;
	uint64_t stamp; /* of sources.cfg as it was read */
	struct sources *sources;
	struct supply_state *states; /* as many as there are sources, and the lists' */
	json_t *etags;		     /* of the good lists, by URL */
	int stop_fd;
};

/* Bring the trusted lists into FOLDER/lists and say in state what became of it. */
void lists_round(const struct supply *s, struct supply_state *state);

/* Ask for the OCSP response of a source and say in state what became of it. */
void serve_ocsp(
	const struct supply *s, const struct source *source, struct supply_state *state);

/* Read the sources. stop_fd: readable when the program shall stop. *ret_error: one line,
 * the caller frees. Return: 0 or negative. */
int supply_init(
	struct supply *s, const struct instance *instance, int stop_fd, char **ret_error);
void supply_done(struct supply *s);

/* Read sources.cfg again when it changed; what cannot be read is logged, and the old one
 * stays in force. */
void supply_look(struct supply *s);

/* Serve the source that is due, when one is, and write the status. Return: milliseconds
 * until the next one is due, at most max_ms. */
int supply_turn(struct supply *s, int max_ms);

/* Note a failure or a success. */
void supply_fail(struct supply_state *state, const char *result, const char *reason);
void supply_succeed(struct supply_state *state, const char *result, int64_t now);

/* FOLDER/supply.json as one JSON object a source. Return: 0 or -errno. */
int supply_write_status(const struct supply *s);

#endif
