/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether a configuration that came from afar may stay: once an operator was answered
 * over the network with it; never whether the application works.
 */
#ifndef SEALGATE_CTL_APPLIANCE_AFAR_H
#define SEALGATE_CTL_APPLIANCE_AFAR_H

#include "ctl/appliance/swap.h"

#include <stdbool.h>
#include <stdint.h>

/* From the beginning of the health check of each start. Of $SEALGATE_AFAR_S, in digits,
 * it is fewer seconds, never more; of anything else it is this. */
#define AFAR_MS ((int64_t)10 * 60 * 1000)
int64_t afar_bound_ms(void);

/* The configuration in incoming/, with this serial, came from afar: noted in it, so that
 * the note comes into force with it, and what is on trial keeps its own where that fails.
 * Return: 0 or -errno. */
int afar_note(const struct swap_place *p, const char *serial);

/* Is what is in force and not proven one that came from afar? Return: 1, 0, -errno. */
int afar_unproven(const struct swap_place *p);

enum afar {
	AFAR_STAYS = 0, /* it came otherwise, or somebody was answered */
	AFAR_WAITS,
	AFAR_LATE, /* nobody was in time */
};

/* came: afar_unproven at the start. */
enum afar afar_now(bool came, bool answered, int64_t since_ms, int64_t bound_ms);

#endif
