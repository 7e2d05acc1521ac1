/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sending a bundle and the signatures beside it to a gate (policy_piece.h takes them
 * there); never judges either.
 */
#ifndef SEALGATE_CTL_REMOTE_BUNDLE_H
#define SEALGATE_CTL_REMOTE_BUNDLE_H

#include "ctl/remote/remote_parcel.h"

/* Where in a command line a bundle is: policy activate BUNDLE, policy replay OPTIONS
 * BUNDLE. Return: its place, or 0. */
int bundle_at(int argc, char *const *argv);

/* Where in one the first argument is that is neither one of the first two words nor an
 * option, each of which has a value. Return: its place, or 0. */
int plain_at(int argc, char *const *argv);

/* As parcel_send. */
int bundle_send(
	const struct peer *peer, const char *bundle, char ret_name[PARCEL_NAME_SIZE]);

#endif
