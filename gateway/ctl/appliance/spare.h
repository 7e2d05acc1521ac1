/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a configuration needs to go back to the one before it and a disk without room
 * would not give, laid by when it comes; never moves what is of a configuration.
 */
#ifndef SEALGATE_CTL_APPLIANCE_SPARE_H
#define SEALGATE_CTL_APPLIANCE_SPARE_H

#include "common/span.h"
#include "ctl/appliance/swap.h"

#include <stdbool.h>

#define SPARE_RECORD_MAX 1024u /* octets */

/* While there is room: a folder, and a record that has its blocks. Return: 0 or -errno.
 */
int spare_lay_by(const struct swap_place *p);

/* Is this -errno for want of room? */
bool spare_wanted(int r);

/* Make an empty folder of that name below work, in place of whatever is there; without
 * room, of the one that was laid by. After a cut it can be called again. Return: 0 or
 * -errno. */
int spare_folder(const struct swap_place *p, const char *name);

/* Have the record that was laid by say this, with ends of lines behind it, and be at a
 * path: by what takes no room. Return: 0, -ENOSPC none was laid by, -errno. */
int spare_record(const struct swap_place *p, const char *path, struct span text);

#endif
