/* SPDX-License-Identifier: EUPL-1.2 */
#include "trustd/supply.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#include <errno.h>
#include <stdio.h>

static int add(
	json_t *all, const char *name, const char *url, const struct supply_state *state)
{
	return json_array_append_new(all,
		json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I}", "name", name, "url",
			url, "result", state->result, "reason", state->reason, "tried",
			json_time(state->tried), "succeeded", json_time(state->done),
			"this_update", json_time(state->this_update), "next_update",
			json_time(state->next_update), "failures",
			(json_int_t)state->failures));
}

int supply_write_status(const struct supply *s)
{
	_cleanup_json_ json_t *all = json_array();
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];

	for (size_t i = 0; i < s->sources->count; i++)
		if (add(all, s->sources->list[i].name, s->sources->list[i].url,
			    &s->states[i]) < 0)
			return -ENOMEM;
	if (*s->sources->lists.lotl && add(all, "lists", s->sources->lists.lotl,
					       &s->states[s->sources->count]) < 0)
		return -ENOMEM;
	text = json_canonical(all);
	if (!text)
		return -ENOMEM;
	if (snprintf(path, sizeof(path), "%s/supply.json", s->folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	return durable_write(path, span_str(text), 0644);
}
