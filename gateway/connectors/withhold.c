/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/withhold.h"

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

/* Of a decision: an event about it, or what is done at a destination because of it. */
static bool of_decision(const json_t *event, const json_t *object)
{
	const char *name = json_string_of(event, "event"),
		   *destination = json_string_of(object, "destination");

	return (name && strcmp(name, "document.cleared") == 0) ||
	       (destination && strchr(destination, DESTINATION_NOTICE));
}

void withhold_decisions(const struct partner *p, json_t *list)
{
	size_t i = 0;

	while (!p->disclosed && i < json_array_size(list)) {
		const json_t *o = json_array_get(list, i);

		if (of_decision(o, o))
			json_array_remove(list, i);
		else
			i++;
	}
}

enum document_state withhold_state(const struct partner *p, enum document_state s)
{
	return s == DOCUMENT_CLEARED && !p->disclosed ? DOCUMENT_SEALED : s;
}

/* Who else reads a document is nothing of the partner's, nor that anybody does: of such a
 * record not even the hash goes back, from which a name could be guessed. */
static bool of_other_reader(const struct partner *p, const json_t *record)
{
	const char *event = json_string_of(record, "event");
	const char *actor = json_string_of(record, "actor");
	const char *kind = json_string_of(json_object_get(record, "detail"), "reader");

	return event && strcmp(event, "document.read") == 0 &&
	       (!actor || strcmp(actor, p->name) != 0 || !kind ||
		       strcmp(kind, "partner") != 0);
}

/* May the record go back to the partner? */
static bool record_told(const struct partner *p, const json_t *record)
{
	const json_t *detail = json_object_get(record, "detail");

	return told(p, detail) && (p->disclosed || !of_decision(record, detail));
}

void withhold_records(const struct partner *p, json_t *events)
{
	size_t i = 0;

	while (i < json_array_size(events)) {
		json_t *o = json_array_get(events, i);
		const json_t *record = json_object_get(o, "record");

		if (of_other_reader(p, record)) {
			json_array_remove(events, i);
			continue;
		}
		if (!record_told(p, record))
			json_object_set_new(o, "record", json_null());
		i++;
	}
}
