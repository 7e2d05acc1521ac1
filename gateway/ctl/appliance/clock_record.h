/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The record that chronyd keeps of the clock (its log of measurements, chrony.conf(5)):
 * what it says last, and that it stays small; never asks a source of time.
 */
#ifndef SEALGATE_CTL_APPLIANCE_CLOCK_RECORD_H
#define SEALGATE_CTL_APPLIANCE_CLOCK_RECORD_H

#include <jansson.h>

#define CLOCK_RECORD "/var/log/chrony"
#define CLOCK_RECORD_MAX (1u << 20) /* two of them are kept: of months */

/* The last measurement in folder: {at, source, stratum, frequency_ppm, skew_ppm,
 * offset_s, synchronised, max_error_s}; null where there is none. The caller owns it. */
json_t *clock_record_last(const char *folder);

/* Once the log has CLOCK_RECORD_MAX octets, keep its last ones beside it instead of what
 * was kept there before, and empty it, under the hands of who appends to it. Return: 0
 * done, 1 nothing to do, -errno; then the log is as it was. */
int clock_record_bound(const char *folder);

#endif
