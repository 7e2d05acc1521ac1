/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An operator's act on a document, asked of the operators' API under the operator's own
 * certificate; never asked of queued, which would not know whose act it is.
 */
#ifndef SEALGATE_CTL_QUEUE_CONTROL_H
#define SEALGATE_CTL_QUEUE_CONTROL_H

#include "ctl/peer.h"

#include <jansson.h>

/* argv[0] is the verb: hold, release, redrive. usage names the command for command_usage.
 * Return: enum exit_status. */
int queue_control_run(const char *usage, int argc, char **argv);

/* argv[0] is confirm or decline: a decision on a release that another person proposed. */
int queue_review_run(int argc, char **argv);

/* POST a JSON body to an operator's resource and print the answer; value is taken over.
 * *ret_answer (NULL: not wanted): a new reference, set when the gate did it.
 * Return: enum exit_status. */
int control_post(
	const struct peer *peer, const char *path, json_t *value, json_t **ret_answer);

/* `sealgate queue VERB --all ...`: an act on what the options select. */
int queue_act_run(int argc, char **argv);

#endif
