/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which bundle is in force in an instance, and those that were: state/policy/; never
 * leaves policies/ half of one and half of another.
 *
 *   active         "VERSION SHA256\n" of the bundle in force
 *   N.bundle       each that was in force, with its signatures beside it; 0.bundle is
 *                  what was there before the first
 *   journal        a line of JSON for each change
 *   changing       a change that is under way (policy_settle.h)
 */
#ifndef SEALGATE_CTL_POLICY_FORCE_H
#define SEALGATE_CTL_POLICY_FORCE_H

#include "ctl/bundle/consent.h"
#include "policy/bundle.h"

#include "common/instance.h"

struct force {
	struct instance instance;
	char policies[PATH_MAX], folder[PATH_MAX];
	int lock;
	uint64_t version;   /* in force; 0 before the first bundle */
	const char *reason; /* of a stop, for the journal; else NULL */
};

/* Open and lock, after at most ten seconds for who has it; a change that broke off is
 * finished, or taken back. Return: 0 or negative after a complaint on standard error. */
int force_open(struct force *f);
void force_done(struct force *f);
#define _cleanup_force_ _cleanup_(force_done)

/* Path of a kept bundle. */
int force_path(const struct force *f, uint64_t version, char ret_path[PATH_MAX]);

/* Was a bundle of this version ever in force? */
bool force_known(const struct force *f, uint64_t version);

/* Was the version put in force by a stop, with one person's consent? */
bool force_is_stop(const struct force *f, uint64_t version);

/* Extract, run every example, keep the bundle with its signatures (from may be its own
 * place), exchange policies/ for it in one step, and write it down. act: "activate",
 * "rollback" or "stop". Return: 0 or negative after a complaint. */
int force_use(struct force *f, const struct bundle *b, const char *from,
	const struct consent *consent, const char *act);

#endif
