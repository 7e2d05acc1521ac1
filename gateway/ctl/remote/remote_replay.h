/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A replay at a gate: ordered, then asked after until it has ended; never what is
 * replayed.
 */
#ifndef SEALGATE_CTL_REMOTE_REPLAY_H
#define SEALGATE_CTL_REMOTE_REPLAY_H

#include "ctl/peer.h"

#include <jansson.h>

/* Is the command line one of policy replay, or of trust diff with --replay? */
bool replay_wanted(int argc, char *const *argv);

/* Its arguments as the gate knows them: "trust diff --replay" are three words, wherever
 * the option stood. */
void replay_arguments(json_t *arguments);

/* Have the gate run the request, which orders one, and print the account of it, once that
 * is there, as the command here would; progress is told on a terminal. One that nobody
 * waits for goes on. Return: the exit status of the command. */
int replay_follow(const struct peer *peer, const json_t *request);

#endif
