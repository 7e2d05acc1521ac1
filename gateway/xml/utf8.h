/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Is this UTF-8 (RFC 3629) without a NUL? Never repairs, never skips.
 */
#ifndef SEALGATE_XML_UTF8_H
#define SEALGATE_XML_UTF8_H

#include "common/span.h"

/* Octets up to the first that is NUL or not UTF-8: data.len when all are good. *ret_bidi
 * is the first character that turns the direction of text, or NULL. */
size_t utf8_check(struct span data, const uint8_t **ret_bidi);

/* True for U+202A..U+202E and U+2066..U+2069, given three octets of a sequence. */
static inline bool utf8_is_bidi(const uint8_t *p)
{
	return p[0] == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
				       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

#endif
