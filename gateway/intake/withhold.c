/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/withhold.h"

#include "common/json.h"

#include <string.h>

static bool told(const struct partner *p, const json_t *object)
{
	const char *destination = json_string_of(object, "destination");

	return !destination || !*destination || policy_partner_is_told(p, destination);
}

void withhold_words(const struct partner *p, json_t *list)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
	{
		if (told(p, o))
			continue;
		json_object_set_new(o, "reply_id", json_string(""));
		json_object_set_new(o, "detail", json_string(""));
		json_object_set_new(o, "withheld", json_true());
	}
}

void withhold_records(const struct partner *p, json_t *events)
{
	size_t i;
	json_t *o;

	json_array_foreach(events, i,
		o) if (!told(p, json_object_get(json_object_get(o, "record"), "detail")))
		json_object_set_new(o, "record", json_null());
}
