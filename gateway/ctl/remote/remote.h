/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The command line from afar: has the gate of --remote run the command and prints what it
 * printed there; never decides who may.
 */
#ifndef SEALGATE_CTL_REMOTE_H
#define SEALGATE_CTL_REMOTE_H

#include "ctl/partner/http_client.h"

#include <stdbool.h>

/* Is a gate named, by --remote or SEALGATE_REMOTE? */
bool remote_named(void);

/* Run a command line on that gate. Return: the command's exit status there, or -1: this
 * command is not one that a gate runs, with the fault in *ret_fault (static text). */
int remote_execute(int argc, char **argv, const char **ret_fault);

/* Say what a gate answered that did not run a command. Return: the exit status. */
int remote_refused(const struct http_response *answer);

#endif
