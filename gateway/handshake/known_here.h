/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who is enrolled here and which authorities nginx verifies against, read again when they
 * change; never more of the policy than that.
 */
#ifndef SEALGATE_HANDSHAKE_KNOWN_HERE_H
#define SEALGATE_HANDSHAKE_KNOWN_HERE_H

#include "common/instance.h"
#include "pki/material.h"
#include "policy/messages.h"
#include "policy/policy.h"

#include <sys/stat.h>

struct known_here {
	char policies[PATH_MAX], authorities[PATH_MAX];
	struct policy *policy;	       /* NULL: cannot be read, everybody is a stranger */
	struct messages *messages;     /* NULL: English alone */
	struct pki_material *material; /* its certificates; NULL: none could be read */
	uint64_t policy_stamp;
	struct stat authorities_stat;
};

/* Read what is there; what cannot be read is logged. Return: 0 or -ENAMETOOLONG. */
int known_here_init(struct known_here *k, const struct instance *instance);

/* Read again what changed; what cannot be read stays as it was. */
void known_here_look(struct known_here *k);

/* The authorities, or NULL. */
const STACK_OF(X509) * known_here_authorities(const struct known_here *k);

/* The partner of a transport certificate, suspended ones included; NULL: nobody's. */
const struct partner *known_here_partner(const struct known_here *k, const char *sha256);

/* The one partner of a country, where there is exactly one: what the subject of a
 * certificate claims, and no proof of anything. NULL: none, or several. */
const struct partner *known_here_claimed(const struct known_here *k, X509 *certificate);

void known_here_done(struct known_here *k);

#endif
