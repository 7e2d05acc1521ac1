/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A change of the policy in force is written down whole, whenever the machine stops: what
 * is meant comes first (state/policy/changing), then the change, then `active` and the
 * journal; never guesses which policy is in force, policies/ says it.
 */
#ifndef SEALGATE_CTL_POLICY_SETTLE_H
#define SEALGATE_CTL_POLICY_SETTLE_H

#include "ctl/bundle/policy_force.h"

/* Write down what is meant, before anything of the bundle is kept: digest is that of the
 * policy, act that of force_use. Return: 0 or -errno. */
int settle_begin(const struct force *f, const struct bundle *b, const char *digest,
	const struct consent *consent, const char *act);

/* Where something was meant: when policies/ is what was meant, write `active` and the
 * line of the journal, else take back what was kept of it, so that its version can be
 * used. f->version is set. Return: 1 what was meant is in force, 0 it is not or nothing
 * was meant, -errno, what was meant then being there still. */
int settle_finish(struct force *f);

#endif
