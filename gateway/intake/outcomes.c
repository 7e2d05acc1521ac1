/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/json.h"
#include "common/memfd.h"
#include "connectors/withhold.h"
#include "intake/problem.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURSOR_DIGITS_MAX 18
#define LIMIT_DEFAULT 100
#define BODY_MAX 1024u

/* Digits without a leading zero: the texts that this gate gives out. */
static bool read_cursor(const char *text, int64_t *ret_cursor)
{
	size_t n = strlen(text);

	if (n == 0 || n > CURSOR_DIGITS_MAX || strspn(text, "0123456789") != n ||
		(text[0] == '0' && n > 1))
		return false;
	*ret_cursor = strtoll(text, NULL, 10);
	return true;
}

/* "after" and "limit" of the query. Return: 1, 0 with a problem. */
static int read_query(struct exchange *x, int64_t *ret_after, int *ret_limit)
{
	char after[32], limit[8];
	int64_t n = LIMIT_DEFAULT;

	*ret_after = -1;
	if ((request_query(x->request, "after", after, sizeof(after)) &&
		    !read_cursor(after, ret_after)) ||
		(request_query(x->request, "limit", limit, sizeof(limit)) &&
			(!read_cursor(limit, &n) || n < 1 || n > QUEUE_OUTCOMES_MAX))) {
		problem(x, "outcomes.cursor", scgi_get(&x->request->scgi, "QUERY_STRING"),
			NULL);
		return 0;
	}
	*ret_limit = (int)n;
	return 1;
}

static json_t *json_of(int fd)
{
	struct span text;
	json_t *value;

	if (memfd_map(fd, QUEUE_JSON_MAX, &text) < 0)
		return NULL;
	value = json_read(text, QUEUE_JSON_MAX);
	memfd_unmap(&text);
	return value;
}

static void not_done(struct exchange *x, int answer, const char *received)
{
	problem(x, answer == QUEUE_ILLEGAL ? "outcomes.cursor" : "http.queue-away",
		answer == QUEUE_ILLEGAL ? received : NULL, NULL);
}

/* A partner's feed has its name, that of its rehearsals a word before it, that of customs
 * the name of what is delivered to them. */
static const char *feed_of(const struct exchange *x, char ret_name[FEED_NAME_SIZE])
{
	if (x->office)
		snprintf(ret_name, FEED_NAME_SIZE, FEED_PREFIX "%s",
			x->office->destination);
	else
		snprintf(ret_name, FEED_NAME_SIZE, "%s%s",
			x->partner->sandbox ? SANDBOX_FEED_PREFIX : "", x->partner->name);
	return ret_name;
}

void get_outcomes(struct exchange *x)
{
	char name[FEED_NAME_SIZE];
	_cleanup_(closep) int fd = -1;
	json_t *feed;
	int64_t after;
	int limit, r;

	if (!read_query(x, &after, &limit))
		return;
	r = links_outcomes(x->links, feed_of(x, name), after, limit, &fd);
	if (r != QUEUE_DONE) {
		not_done(x, r, scgi_get(&x->request->scgi, "QUERY_STRING"));
		return;
	}
	feed = json_of(fd);
	/* Nobody's words are in rehearsals. */
	if (x->partner && !x->partner->sandbox) {
		withhold_words(x->partner, json_object_get(feed, "outcomes"));
		withhold_decisions(x->partner, json_object_get(feed, "outcomes"));
	}
	response_json(x->response, 200, TYPE_JSON, feed);
}

/* {"cursor": "12"}. Return: 1, 0 with a problem. */
static int read_acknowledgement(struct exchange *x, int64_t *ret_cursor)
{
	_cleanup_json_ json_t *body = NULL;
	const char *type = scgi_get(&x->request->scgi, "CONTENT_TYPE"), *cursor;

	if (strncmp(type, TYPE_JSON, strlen(TYPE_JSON)) != 0) {
		problem(x, "http.content-type", type, NULL);
		return 0;
	}
	if (request_size(x->request) > 0 && request_size(x->request) <= BODY_MAX &&
		request_body(x->request) == 1)
		body = json_of(x->request->body);
	cursor = json_string_of(body, "cursor");
	if (cursor && read_cursor(cursor, ret_cursor))
		return 1;
	problem(x, "outcomes.cursor", cursor, NULL);
	return 0;
}

void post_acknowledgement(struct exchange *x)
{
	char name[FEED_NAME_SIZE];
	int64_t cursor;
	int fd = -1, r;

	if (!read_acknowledgement(x, &cursor))
		return;
	r = links_acknowledge(x->links, feed_of(x, name), cursor, &fd);
	if (r == QUEUE_DONE)
		response_fd(x->response, 200, TYPE_JSON, fd);
	else
		not_done(x, r, "a cursor that was not given out");
}

/* Was the document delivered to the office's destination? */
static bool in_feed(const json_t *document, const char *destination)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(document, "deliveries"), i, d)
	{
		const char *name = json_string_of(d, "destination"),
			   *state = json_string_of(d, "state");

		if (name && state && strcmp(name, destination) == 0)
			return strcmp(state, "delivered") == 0;
	}
	return false;
}

void get_customs_evidence(struct exchange *x)
{
	_cleanup_(closep) int meta = -1;
	_cleanup_json_ json_t *document = NULL;
	struct queue_document d;
	_cleanup_(closep) int fd = -1;
	int r = links_get(x->links, x->id, NULL, QUEUE_META, &d, &meta);

	snprintf(x->response->id, sizeof(x->response->id), "%s", x->id);
	document = r == QUEUE_DONE ? json_of(meta) : NULL;
	if (r == QUEUE_DONE && !in_feed(document, x->office->destination))
		r = QUEUE_NOT_FOUND;
	if (r == QUEUE_DONE)
		r = links_get(x->links, x->id, NULL, QUEUE_CONTAINER, &d, &fd);
	/* Nothing is given out before that is on record. */
	if (r == QUEUE_DONE)
		r = links_reading(
			x->links, x->id, READER_CUSTOMS, x->office->name, "evidence");
	if (r == QUEUE_DONE)
		response_fd(x->response, 200, TYPE_CONTAINER, take_fd(&fd));
	else
		problem(x, r == QUEUE_NOT_FOUND ? "http.path" : "http.queue-away",
			x->request->path, NULL);
}
