/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/map.h"

#include <string.h>

const char *map_header_fault(const struct map_header *h, uint64_t size)
{
	if (memcmp(h->magic, MAP_MAGIC, sizeof(h->magic)) != 0)
		return "it is no snapshot of lists";
	if (h->version != MAP_VERSION)
		return "it is of another version";
	if (h->order != MAP_ORDER)
		return "it was written by a machine of another byte order";
	return h->size != size ? "it is not whole" : NULL;
}
