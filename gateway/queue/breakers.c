/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/breakers.h"

#include "common/json.h"

#include <string.h>

bool breakers_tell(struct breakers *b, const struct breaker_told *told)
{
	size_t i = 0;

	if (!told->destination[0] || told->state <= BREAKER_NONE ||
		told->state >= BREAKER_STATES)
		return false;
	if (told->crew != b->crew)
		*b = (struct breakers){ .crew = told->crew };
	while (i < b->count && strcmp(b->list[i].destination, told->destination) != 0)
		i++;
	if (i == BREAKERS_MAX)
		return false;
	b->list[i] = *told;
	if (i == b->count)
		b->count++;
	return true;
}

json_t *breakers_to_json(const struct breakers *b)
{
	json_t *all = json_object();

	for (size_t i = 0; all && i < b->count; i++) {
		const struct breaker_told *t = &b->list[i];
		json_t *one = json_pack("{s:s,s:o}", "state",
			breaker_state_text((enum breaker_state)t->state), "since",
			json_time(t->since));

		if (t->state == BREAKER_OPEN)
			json_object_set_new(one, "next_trial", json_time(t->trial));
		json_object_set_new(all, t->destination, one);
	}
	return all;
}
