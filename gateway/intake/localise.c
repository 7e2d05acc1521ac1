/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/localise.h"

#include "common/json.h"
#include "common/memfd.h"

#include <string.h>

#define ANSWER_MAX (2u * LIMIT_REPORT)

static json_t *read_fd(int fd)
{
	struct span text = { 0 };
	json_t *value = NULL;

	if (memfd_map(fd, ANSWER_MAX, &text) == 0)
		value = json_read(text, ANSWER_MAX);
	memfd_unmap(&text);
	return value;
}

/* Its sentences are the gate's own: a problem, or what has findings. */
static bool has_sentences(const struct response *r, const json_t *body)
{
	return json_is_object(body) &&
	       (strcmp(r->type, TYPE_PROBLEM) == 0 || json_object_get(body, "findings"));
}

/* May the answer have sentences at all? A receipt is never touched. */
static bool may(const struct exchange *x)
{
	const char *path = x->request->path;
	size_t n = strlen(path);

	return strcmp(x->response->type, TYPE_PROBLEM) == 0 ||
	       strcmp(path, "/v1/preflight") == 0 ||
	       (n > 7 && strcmp(path + n - 7, "/report") == 0);
}

void localise(struct exchange *x)
{
	const char *accept = scgi_get(&x->request->scgi, "HTTP_ACCEPT_LANGUAGE");
	struct response *r = x->response;
	const char *language;
	json_t *body;

	/* Who asks for none gets what was agreed. */
	if (!*accept && x->partner)
		accept = x->partner->language;
	if (!*accept || !r->type || !x->snapshot || !x->snapshot->messages || !may(x))
		return;
	language = messages_negotiate(x->snapshot->messages, accept);
	if (!language)
		return;
	body = r->body ? json_read(span_str(r->body), ANSWER_MAX) : read_fd(r->body_fd);
	if (has_sentences(r, body) &&
		messages_translate(x->snapshot->messages, language, body) == 0) {
		response_json(r, r->status, r->type, json_incref(body));
		(void)snprintf(r->language, sizeof(r->language), "%s", language);
	}
	json_decref(body);
}
