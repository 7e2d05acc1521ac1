/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A borrowed run of octets; never owns, never NUL-terminated.
 */
#ifndef SEALGATE_COMMON_SPAN_H
#define SEALGATE_COMMON_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *data;
	size_t len;
};

static inline struct span span_of(const void *data, size_t len)
{
	return (struct span){ .data = (const uint8_t *)data, .len = len };
}

static inline struct span span_str(const char *s)
{
	return span_of(s, strlen(s));
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
