/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/supplied.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define STATUS_MAX (4u * 1024 * 1024)

static bool is_overdue(const json_t *source, int64_t now)
{
	const char *next = json_string_of(source, "next_update");
	int64_t until;

	if (!next)
		return json_integer_value(json_object_get(source, "failures")) > 0;
	return clock_parse(next, &until) < 0 || until <= now;
}

int trust_supplied(const char *folder, int64_t now, char ret_name[SUPPLIED_NAME_SIZE])
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_json_ json_t *all = NULL;
	const json_t *source;
	char path[PATH_MAX];
	size_t len, i;
	int r;

	if (snprintf(path, sizeof(path), "%s/supply.json", folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = file_read(path, STATUS_MAX, &data, &len);
	if (r == -ENOENT)
		return 1;
	all = r == 0 ? json_read(span_of(data, len), STATUS_MAX) : NULL;
	if (!json_is_array(all))
		return r < 0 ? r : -EINVAL;
	json_array_foreach(all, i, source)
	{
		const char *name = json_string_of(source, "name");

		if (!is_overdue(source, now))
			continue;
		(void)snprintf(ret_name, SUPPLIED_NAME_SIZE, "%s", name ? name : "?");
		return 0;
	}
	return 1;
}
