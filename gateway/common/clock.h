/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The only reader of the machine's clock, and RFC 3339 times; never local time.
 */
#ifndef SEALGATE_COMMON_CLOCK_H
#define SEALGATE_COMMON_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT_SIZE 21 /* "2026-06-05T12:00:00Z" and a NUL */

/* Seconds since 1970-01-01T00:00:00Z. */
int64_t clock_now(void);

/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now_us(void);

/* Milliseconds of a clock that never jumps; only differences mean something. */
int64_t clock_monotonic_ms(void);

/* Write t as RFC 3339 UTC; years 0000 to 9999 only, others become 0000-00-00T00:00:00Z.
 */
void clock_format(int64_t t, char ret_text[CLOCK_TEXT_SIZE]);

/* Read RFC 3339 / xsd:dateTime with Z or a numeric offset; fractions of a second are cut.
 * Return: 0 or -EINVAL. */
int clock_parse(const char *text, int64_t *ret_t);

#endif
