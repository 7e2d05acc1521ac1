/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/deflated.h"

#include "common/cleanup.h"
#include "common/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

char *deflated_text(struct span octets)
{
	uLongf len = compressBound(octets.len);
	_cleanup_(freep) uint8_t *out = malloc(len);

	if (!out || compress2(out, &len, octets.data, octets.len, Z_BEST_SPEED) != Z_OK)
		return NULL;
	return base64_encode(span_of(out, len));
}

static int unpack(struct span in, size_t max, uint8_t *out, size_t *ret_len)
{
	uLongf len = max;
	uLong used = in.len;
	int z = uncompress2(out, &len, in.data, &used);

	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	if (z == Z_BUF_ERROR && len == max)
		return -E2BIG;
	if (z != Z_OK || used != in.len)
		return -EBADMSG;
	out[len] = '\0';
	*ret_len = len;
	return 0;
}

int deflated_read(const char *text, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *in = NULL;
	size_t len;
	uint8_t *out;
	int r = base64_decode(span_str(text), &in, &len);

	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	out = malloc(max + 1);
	if (!out)
		return -ENOMEM;
	r = unpack(span_of(in, len), max, out, ret_len);
	if (r < 0)
		free(out);
	else
		*ret = out;
	return r;
}
