/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/replay.h"

#include "common/json.h"

#include <stdio.h>
#include <string.h>

enum delivery_state replay_class(enum delivery_state s)
{
	return s == DELIVERY_DELIVERED || s == DELIVERY_REFUSED || s == DELIVERY_EXPIRED
		       ? s
		       : DELIVERY_QUEUED;
}

static void set_delivery(struct replay *p, const char *destination, enum delivery_state s)
{
	size_t i = 0;

	if (!destination)
		return;
	while (i < p->count && strcmp(p->deliveries[i].destination, destination) != 0)
		i++;
	if (i == QUEUE_DELIVERIES_MAX)
		return;
	if (i == p->count) {
		p->count++;
		snprintf(p->deliveries[i].destination,
			sizeof(p->deliveries[i].destination), "%s", destination);
	}
	p->deliveries[i].state = replay_class(s);
	p->deliveries[i].elsewhere = false;
}

static struct replay_delivery *find_delivery(struct replay *p, const char *destination)
{
	for (size_t i = 0; destination && i < p->count; i++)
		if (strcmp(p->deliveries[i].destination, destination) == 0)
			return &p->deliveries[i];
	return NULL;
}

static void set_listed(
	struct replay *p, const json_t *detail, const char *key, enum delivery_state s)
{
	size_t i;
	json_t *name;

	json_array_foreach(json_object_get(detail, key), i, name)
		set_delivery(p, json_string_value(name), s);
}

/* "document.judged" and "document.seal-failed" speak of what their detail says. */
static void document_event(struct replay *p, const char *what, const json_t *detail)
{
	enum document_state s = document_state_find(what);

	if (strcmp(what, "judged") == 0)
		s = document_state_find(json_string_of(detail, "state"));
	if (document_relation_find(what) != RELATION_NONE)
		set_listed(p, detail, "destinations", DELIVERY_QUEUED);
	if (s == DOCUMENT_NONE)
		return;
	set_listed(p, detail, "ended", DELIVERY_EXPIRED);
	if (s != DOCUMENT_REFUSED)
		set_listed(p, detail, "destinations", DELIVERY_QUEUED);
	else
		for (size_t i = 0; i < p->count; i++)
			p->deliveries[i].state = DELIVERY_EXPIRED;
	p->document = s;
}

/* What a destination has refused it has refused, wherever the document goes then. */
static void rerouted(struct replay *p, const json_t *detail)
{
	size_t i;
	json_t *name;

	json_array_foreach(json_object_get(detail, "destinations"), i, name)
	{
		const char *from = json_string_value(name);
		struct replay_delivery *d = find_delivery(p, from);

		if (!d || d->state != DELIVERY_REFUSED)
			set_delivery(p, from, DELIVERY_EXPIRED);
		d = find_delivery(p, from);
		if (d)
			d->elsewhere = true;
	}
	set_delivery(p, json_string_of(detail, "to"), DELIVERY_QUEUED);
}

static bool after(const char *text, const char *prefix, const char **ret_rest)
{
	size_t n = strlen(prefix);

	if (strncmp(text, prefix, n) != 0)
		return false;
	*ret_rest = text + n;
	return true;
}

void replay_record(struct replay *p, const json_t *record)
{
	const json_t *detail = json_object_get(record, "detail");
	const char *event = json_string_of(record, "event"), *what = "";

	if (!event)
		return;
	if (after(event, "document.", &what)) {
		document_event(p, what, detail);
	} else if (after(event, "delivery.", &what)) {
		set_delivery(p, json_string_of(detail, "destination"),
			delivery_state_find(what));
	} else if (strcmp(event, "operator.reroute") == 0) {
		rerouted(p, detail);
	} else if (strcmp(event, "operator.redrive") == 0) {
		set_listed(p, detail, "destinations", DELIVERY_QUEUED);
		if (json_is_true(json_object_get(detail, "document")))
			p->document = DOCUMENT_ACCEPTED;
	}
}
