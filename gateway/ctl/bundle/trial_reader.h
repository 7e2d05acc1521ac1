/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A process that reads a policy which nobody may have consented to, and says what this
 * one needs to know of it; never is asked by anybody else, and has nothing but what it
 * reads.
 */
#ifndef SEALGATE_CTL_TRIAL_READER_H
#define SEALGATE_CTL_TRIAL_READER_H

#include "common/digest.h"
#include "common/limits.h"
#include "common/span.h"
#include "policy/bundle.h"
#include "policy/policy.h"

#include <sys/types.h>

struct trial_reader {
	pid_t pid; /* 0: none */
	int socket;
	char digest[SHA256_TEXT_SIZE]; /* of the policy */
};

/* What it reads: a bundle, or octets that are to be one, which it puts into a folder that
 * it makes; without either what is in that folder. */
struct trial_source {
	const struct bundle *bundle;
	struct span octets;
};

/* Start it as this user, and wait until it has read the policy in the folder: for two
 * minutes. It says on standard error what is wrong with it. What it costs a processor is
 * bounded, and what it writes, too. Return: 0 or negative; the folder may be there then.
 */
int trial_reader_start(const struct trial_source *source, const char *folder, uid_t uid,
	struct trial_reader *ret_reader);

/* Where a document goes by that policy (policy_route). Return: how many names, or
 * negative. */
int trial_reader_route(const struct trial_reader *reader, const char *type,
	const char *import_country,
	char ret_names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE]);

/* End it. */
void trial_reader_end(struct trial_reader *reader);

/* Become another user, unless we are he, for good. Return: 0 or -errno. */
int trial_become(uid_t uid);

/* At most so many seconds of a processor for this process, and for each that it makes;
 * and no file above BUNDLE_MAX. Return: 0 or -errno. */
int trial_bound(unsigned int seconds);

#endif
