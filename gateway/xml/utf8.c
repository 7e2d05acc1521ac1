/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/utf8.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080u
#define BLOCK 32

/* A block of ASCII, which may hold a NUL. */
static bool plain(const uint8_t *p)
{
	uint64_t w[BLOCK / 8];

	memcpy(w, p, sizeof(w));
	return ((w[0] | w[1] | w[2] | w[3]) & HIGH_BITS) == 0;
}

static bool tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the sequence at p by RFC 3629 (no overlong form, no surrogate, nothing over
 * U+10FFFF), or 0. */
static size_t sequence(const uint8_t *p, size_t left)
{
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return left >= 2 && tail(p[1]) ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if (left < 3 || !tail(p[1]) || !tail(p[2]))
			return 0;
		if (p[0] == 0xe0 && p[1] < 0xa0)
			return 0;
		return p[0] == 0xed && p[1] > 0x9f ? 0 : 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (left < 4 || !tail(p[1]) || !tail(p[2]) || !tail(p[3]))
			return 0;
		if (p[0] == 0xf0 && p[1] < 0x90)
			return 0;
		return p[0] == 0xf4 && p[1] > 0x8f ? 0 : 4;
	}
	return 0;
}

size_t utf8_check(struct span data, const uint8_t **ret_bidi)
{
	const uint8_t *nul = memchr(data.data, 0, data.len);
	const uint8_t *p = data.data, *end = nul ? nul : data.data + data.len;

	*ret_bidi = NULL;
	while (p < end) {
		size_t n;

		if (end - p >= BLOCK && plain(p)) {
			p += BLOCK;
			continue;
		}
		if (*p < 0x80) {
			p++;
			continue;
		}
		n = sequence(p, (size_t)(end - p));
		if (n == 0)
			break;
		if (n == 3 && !*ret_bidi && utf8_is_bidi(p))
			*ret_bidi = p;
		p += n;
	}
	return (size_t)(p - data.data);
}
