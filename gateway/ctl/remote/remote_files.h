/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending the files that a signed list names: many small ones as one run, a large one by
 * its name, and all by their names to a gate of an earlier version; never judges what is
 * signed.
 */
#ifndef SEALGATE_CTL_REMOTE_FILES_H
#define SEALGATE_CTL_REMOTE_FILES_H

#include "ctl/remote/remote_piece.h"

/* Send what is not there yet of the files of dir that list (the text of its manifest,
 * which is changed) names, once the gate has the list and its signature. name: how the
 * gate calls the list. Return: EXIT_CLEAN, or another exit status after saying what is
 * wrong. */
int files_send(struct sending *s, const char *dir, char *list, const char *name);

#endif
