/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/alive.h"

bool queue_alive(
	const json_t *stats, const char *program, int64_t lease_s, int64_t *ret_seconds)
{
	const json_t *seconds =
		json_object_get(json_object_get(stats, "unasked_s"), program);

	*ret_seconds = json_is_integer(seconds) ? json_integer_value(seconds) : -1;
	return *ret_seconds >= 0 && *ret_seconds <= lease_s + QUEUE_PAUSE_MAX_S;
}
