/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending one document to a gate as a partner does; never retries, never changes the
 * document.
 */
#ifndef SEALGATE_CTL_SUBMIT_H
#define SEALGATE_CTL_SUBMIT_H

#include "common/json.h"

/* Post FILE of the command line to path below --url and print the answer as JSON with its
 * status. passed: does a 2xx answer with this body count as passed? NULL: always.
 * Return: exit status. */
int submit_run(
	const char *path, bool (*passed)(const json_t *body), int argc, char **argv);

#endif
