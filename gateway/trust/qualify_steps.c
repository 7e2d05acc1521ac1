/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/qualify_steps.h"

/* Return: a new reference, null without an entry. */
static json_t *entry_of(const struct trust_map *m, const struct map_service *service,
	const struct map_instance *instance)
{
	const struct map_list *list;
	json_t *entry;

	if (!service)
		return json_null();
	list = &m->lists[service->list];
	entry = json_pack("{s:s, s:o, s:I, s:o, s:o, s:o}", "territory", list->territory,
		"list", json_text(m->texts + list->url), "sequence",
		(json_int_t)list->sequence, "issued", json_time(list->issued), "ends",
		json_time(list->ends), "service", json_text(m->texts + service->name));
	if (!instance || !entry)
		return entry;
	json_object_set_new(entry, "type", json_text(m->texts + instance->type));
	json_object_set_new(entry, "status", json_text(m->texts + instance->status));
	json_object_set_new(entry, "from", json_time(instance->from));
	return entry;
}

void qualify_step(struct qualify_steps *steps, const struct map_service *service,
	const struct map_instance *instance, const char *clause, const char *question,
	const char *answer, const char *because)
{
	if (!steps)
		return;
	json_array_append_new(steps->all,
		json_pack("{s:o, s:s, s:s, s:s, s:o, s:o}", "at", json_time(steps->at),
			"clause", clause, "question", question, "answer", answer,
			"because", json_text(because), "entry",
			entry_of(steps->map, service, instance)));
}
