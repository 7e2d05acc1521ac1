/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The view of `sealgate top`: figures as lines for a terminal; never asks anybody.
 */
#ifndef SEALGATE_CTL_TOP_H
#define SEALGATE_CTL_TOP_H

#include "common/instance.h"

#include <jansson.h>
#include <stdio.h>

/* {"at", "queue", "age", "signer", "time_stamps", "warnings"}; before: the look before
 * this one, for what is done a second, or NULL. */
void top_print(FILE *out, const json_t *now, const json_t *before);

/* What sealgate-seal has noted of today's queries: {name: {"used", "per_day"}}. A new
 * reference. */
json_t *top_authorities(const struct instance *instance);

#endif
