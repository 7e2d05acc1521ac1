/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether operators would reach a machine with a configuration, and it the proxy that it
 * has to ask through, as far as that can be told before it is in force; never whether
 * they do (appliance_health.c).
 */
#ifndef SEALGATE_CTL_APPLIANCE_REACH_H
#define SEALGATE_CTL_APPLIANCE_REACH_H

#include "common/instance.h"

struct manifest;

/* Each returns 0, or negative with *ret_error: one line that the caller frees, of where
 * it is, what was received, why it cannot be and how to mend it. */

/* Are the files in a list of a configuration that a machine needs? CRLs are, also where
 * some are in force, which are not seen by who takes a configuration. */
int reach_files(
	const struct manifest *m, const struct instance *instance, char **ret_error);

/* May the timers of those receivers of the sealed heads be ordered that are in a list of
 * a configuration? A start with one of which that is refused serves nothing. */
int reach_receivers(const struct manifest *m, char **ret_error);

/* Do the listeners have addresses of the network, and the ports that the firewall lets
 * in, one each? */
int reach_listeners(const struct instance *instance, char **ret_error);

/* Are there the people whom the next order to the machine takes, by the policies in a
 * folder? */
int reach_people(const char *policies, char **ret_error);

/* Is a file of systemd.network(5) one of the sections and keys that an appliance takes,
 * with values that are none others, and does it give an address? None is right, too. */
int reach_network(const char *path, char **ret_error);

/* Does network/egress.csv, at a path, let every program out to the proxy through which it
 * is to ask, by the instance's configuration and policies/trust/sources.cfg? */
int reach_proxies(const struct instance *instance, const char *egress, char **ret_error);

#endif
