/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who is enrolled here and which authorities nginx verifies against, of each listener,
 * read again when they change; never more of the policy than that.
 */
#ifndef SEALGATE_HANDSHAKE_KNOWN_HERE_H
#define SEALGATE_HANDSHAKE_KNOWN_HERE_H

#include "common/instance.h"
#include "pki/material.h"
#include "policy/messages.h"
#include "policy/policy.h"

#include <sys/stat.h>

enum listener { LISTENER_PARTNERS = 0, LISTENER_CUSTOMS, LISTENER_OPERATORS };
#define LISTENERS 3

/* "partners", "customs", "operators"; what nginx calls them. */
const char *listener_text(enum listener l);

/* LISTENER of a request; partners' where it is none of them. */
enum listener listener_find(const char *text);

/* Whose certificate it is: a partner, an office of customs, a person. */
struct enrolled_here {
	const char *name; /* in policy; NULL: nobody's */
	bool suspended;
};

struct known_here {
	char policies[PATH_MAX], authorities[LISTENERS][PATH_MAX];
	struct policy *policy;	   /* NULL: cannot be read, everybody is a stranger */
	struct messages *messages; /* NULL: English alone */
	/* certificates of authorities; NULL: none could be read */
	struct pki_material *material[LISTENERS];
	uint64_t policy_stamp;
	struct stat authorities_stat[LISTENERS];
};

/* Read what is there; what cannot be read is logged. Return: 0 or -ENAMETOOLONG. */
int known_here_init(struct known_here *k, const struct instance *instance);

/* Read again what changed; what cannot be read stays as it was. */
void known_here_look(struct known_here *k);

/* The authorities of a listener, or NULL. */
const STACK_OF(X509) *
	known_here_authorities(const struct known_here *k, enum listener l);

/* Whose a client certificate is at a listener, suspended ones included. */
struct enrolled_here known_here_enrolled(
	const struct known_here *k, enum listener l, const char *sha256);

/* The one partner of a country, where there is exactly one: what the subject of a
 * certificate claims, and no proof of anything. NULL: none, or several. */
const struct partner *known_here_claimed(const struct known_here *k, X509 *certificate);

void known_here_done(struct known_here *k);

#endif
