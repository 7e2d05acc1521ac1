/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A verify process of one's own for a policy that need not be in force, with the trust
 * material of an instance, or the one that serves for what is; never parses a document in
 * this process.
 */
#ifndef SEALGATE_CTL_TRIAL_H
#define SEALGATE_CTL_TRIAL_H

#include "common/instance.h"
#include "ctl/bundle/trial_reader.h"
#include "policy/verify_client.h"
#include "queue/types.h"

#include <jansson.h>

struct trial {
	char folder[PATH_MAX]; /* an instance of nothing but what verify reads */
	int lock;	       /* of the folder, when there is one */
	char socket[PATH_MAX];
	pid_t pid;		    /* leads a group of processes */
	struct trial_reader reader; /* has read the policy */
};

/* What is tried, and where. */
struct trial_of {
	struct trial_source source;
	const char *snapshot; /* of trusted lists, a file (trust/snapshot.h); NULL: all
				 that the instance has */
	const char *place;    /* folder of the instance to work in; NULL: run */
};

/* Start it. The policy is read and put there by a process of its own; neither that nor
 * verify connects to anybody, or looks into another process. Says on standard error why
 * not. Return: 0 or negative. */
int trial_start(const struct instance *instance, const struct trial_of *of,
	struct trial *ret_trial);

/* The policy in force: the process that serves, where it answers whoever runs this (root,
 * who needs to become nobody for it), else one of one's own. Return: 0 or negative. */
int trial_in_force(const struct instance *instance, struct trial *ret_trial);

/* Ask about the octets of a stored document as of a time: VERIFY_DOCUMENT to have it
 * judged, VERIFY_VIEW for what it says. *ret_report: a new reference. Return: 0 or
 * negative undecided. */
int trial_ask(const struct trial *t, enum verify_mode mode,
	const struct queue_document *d, int document_fd, int64_t at,
	struct verdict *ret_verdict, json_t **ret_report);

/* End it, whatever it is at, and remove its folder. */
void trial_end(struct trial *t);
#define _cleanup_trial_ _cleanup_(trial_end)

#endif
