/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/cleanup.h"
#include "ctl/appliance/parcel.h"
#include "web/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int read_octets(uint8_t *octets, size_t *ret_len)
{
	ssize_t n;

	*ret_len = 0;
	while ((n = read(STDIN_FILENO, octets + *ret_len,
			REMOTE_PIECE_MAX + 1 - *ret_len)) > 0)
		*ret_len += (size_t)n;
	if (n < 0)
		return -errno;
	return *ret_len > REMOTE_PIECE_MAX ? -EFBIG : 0;
}

int parcel_read(
	const char *offset, long long *ret_offset, uint8_t **ret_octets, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *octets = malloc(REMOTE_PIECE_MAX + 1);
	char *end;
	int r;

	errno = 0;
	*ret_offset = strtoll(offset, &end, 10);
	if (errno || *end || end == offset || *ret_offset < 0)
		return -EINVAL;
	r = octets ? read_octets(octets, ret_len) : -ENOMEM;
	if (r == 0)
		*ret_octets = TAKE(octets);
	return r;
}
