/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate trust diff --replay: what the lists of two times say of the documents that are
 * stored, under the policy in force; never which services changed.
 */
#ifndef SEALGATE_CTL_TRUST_REPLAY_H
#define SEALGATE_CTL_TRUST_REPLAY_H

#include "ctl/bundle/replaying.h"

/* Judge the documents by both snapshots of a store and print the account. Return: enum
 * exit_status. */
int trust_replay(
	const char *store, int64_t before, int64_t after, const struct replay_options *o);

#endif
