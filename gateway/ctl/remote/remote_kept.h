/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What becomes of a configuration that was sent: asked from afar until it is kept, or was
 * taken back, which is also what it is kept for; never decides that.
 */
#ifndef SEALGATE_CTL_REMOTE_KEPT_H
#define SEALGATE_CTL_REMOTE_KEPT_H

#include "ctl/peer.h"

#include <stdbool.h>

/* Is it `appliance apply DIR`, also with --at URL, where the machine answers with it? The
 * words without that option are left in argv, NULL behind them. Return: how many they
 * are; *ret_at: the URL, NULL: the one that it has now. */
int kept_words(int argc, char **argv, const char **ret_at);

/* The serial in the list of a folder that was sent. Return: 0 or -errno. */
#define KEPT_SERIAL_SIZE 65
int kept_serial(const char *dir, char ret_serial[KEPT_SERIAL_SIZE]);

/* What a report says of that serial: -1 to ask again, or an exit status after saying it.
 * *said: that it is on trial, false at first. */
int kept_look(const json_t *report, const char *serial, bool *said);

/* Ask the machine, at the URL it will have and at the one it has, until it is kept, was
 * taken back, or the time is up. Return: an exit status. */
int kept_follow(const struct peer *peer, const char *at, const char *serial);

#endif
