/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The policy in force and the authorities of client certificates, exchanged as one when
 * files change; a reader keeps what it holds. Never half of one version and half of
 * another.
 */
#ifndef SEALGATE_INTAKE_SNAPSHOT_H
#define SEALGATE_INTAKE_SNAPSHOT_H

#include "common/instance.h"
#include "intake/known.h"
#include "intake/public.h"
#include "pki/material.h"
#include "policy/messages.h"
#include "policy/policy.h"

#include <pthread.h>
#include <stdatomic.h>

struct snapshot {
	atomic_uint holders;
	struct policy *policy;
	struct messages *messages;	/* of it; NULL: English alone */
	struct public_part public;	/* of it */
	struct pki_material *transport; /* partner authorities and all revocation data */
	struct pki_material *customs;	/* the same for customs; NULL: nobody is let in */
	struct known known;		/* certificates found good by it */
};

struct snapshots {
	pthread_mutex_t lock;
	struct snapshot *now;
	uint64_t stamp;	    /* of the files that `now` was read from */
	int64_t checked_ms; /* when the files were last looked at */
	const char *fault;  /* message code of the last that could not be read */
	char policies[PATH_MAX];
	char authorities[PATH_MAX];
	char customs[PATH_MAX]; /* authorities of customs */
	char revocation[PATH_MAX];
};

/* Read the instance's files. *ret_error: one line, the caller frees. Return: 0 or
 * negative with `fault` set. */
int snapshots_init(
	struct snapshots *s, const struct instance *instance, char **ret_error);
void snapshots_done(struct snapshots *s);

/* The snapshot in force; files are looked at at most once a second, or now with `fresh`.
 * A change that cannot be read is logged and leaves the old one in force. Release it with
 * snapshot_drop. */
struct snapshot *snapshots_hold(struct snapshots *s, bool fresh);
void snapshot_drop(struct snapshot *snapshot);

#endif
