/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "connectors/withhold.h"
#include "evidence/receipt_seal.h"
#include "evidence/seal_policy.h"
#include "intake/acknowledgement.h"
#include "intake/http.h"
#include "intake/problem.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENTS_PAGES_MAX 99999

/* When its octets were erased, RFC 3339, by its META; "": they were not. */
static void read_erased(int fd, char ret_at[CLOCK_TEXT_SIZE])
{
	_cleanup_json_ json_t *meta = NULL;
	struct span text;
	const char *at;

	*ret_at = '\0';
	if (memfd_map(fd, QUEUE_JSON_MAX, &text) < 0)
		return;
	meta = json_read(text, QUEUE_JSON_MAX);
	memfd_unmap(&text);
	at = json_string_of(meta, "erased");
	snprintf(ret_at, CLOCK_TEXT_SIZE, "%s", at ? at : "");
}

/* What a document lacks that is there: by its state, why. */
static void answer_lacking(struct exchange *x, enum queue_part part)
{
	_cleanup_(closep) int fd = -1;
	struct queue_document document;
	char erased[CLOCK_TEXT_SIZE];
	const char *state;
	int r = links_get(x->links, x->id, x->partner->name, QUEUE_META, &document, &fd);

	if (r != QUEUE_DONE) {
		problem(x, r == QUEUE_NOT_FOUND ? "http.path" : "http.queue-away",
			x->request->path, NULL);
		return;
	}
	state = document_state_text(document.state);
	read_erased(fd, erased);
	if (*erased)
		problem(x, "document.erased", erased, NULL);
	else if (document.state == DOCUMENT_REFUSED)
		problem(x, "document.refused", state, NULL);
	else if (part == QUEUE_CONTAINER)
		problem(x, "document.not-sealed", state, NULL);
	else
		problem(x, "http.path", x->request->path, NULL);
}

/* Fetch one part of the document in the path. Return: 1, 0 with a problem. */
static int fetch(struct exchange *x, enum queue_part part, int *ret_fd)
{
	struct queue_document document;
	int r = links_get(x->links, x->id, x->partner->name, part, &document, ret_fd);

	snprintf(x->response->id, sizeof(x->response->id), "%s", x->id);
	if (r == QUEUE_DONE)
		return 1;
	if (r == QUEUE_NOT_FOUND && part != QUEUE_META)
		answer_lacking(x, part);
	else
		problem(x, r == QUEUE_NOT_FOUND ? "http.path" : "http.queue-away",
			x->request->path, NULL);
	return 0;
}

static void answer_part(struct exchange *x, enum queue_part part, const char *type)
{
	int fd;

	if (fetch(x, part, &fd))
		response_fd(x->response, 200, type, fd);
}

static void withhold_meta(const struct partner *p, json_t *document)
{
	json_t *deliveries = json_object_get(document, "deliveries");
	enum document_state s = document_state_find(json_string_of(document, "state"));

	withhold_words(p, deliveries);
	withhold_decisions(p, deliveries);
	json_object_set_new(document, "state",
		json_string(document_state_text(withhold_state(p, s))));
}

/* JSON of which the partner may not be told all. */
static void answer_without(struct exchange *x, enum queue_part part)
{
	_cleanup_(closep) int fd = -1;
	struct span text;
	json_t *value;

	if (!fetch(x, part, &fd))
		return;
	if (memfd_map(fd, QUEUE_JSON_MAX, &text) < 0) {
		problem(x, "internal.error", NULL, NULL);
		return;
	}
	value = json_read(text, QUEUE_JSON_MAX);
	memfd_unmap(&text);
	if (part == QUEUE_META) {
		withhold_meta(x->partner, value);
	} else {
		if (json_array_size(value) == QUEUE_EVENTS_PAGE)
			x->response->next_page = part - QUEUE_EVENTS_PAGES + 1;
		withhold_records(x->partner, value);
	}
	response_json(x->response, 200, TYPE_JSON, value);
}

void get_document(struct exchange *x)
{
	if (x->partner->limited || !x->partner->disclosed)
		answer_without(x, QUEUE_META);
	else
		answer_part(x, QUEUE_META, TYPE_JSON);
}

void get_report(struct exchange *x)
{
	answer_part(x, QUEUE_REPORT, TYPE_JSON);
}

/* "page" of the query, 0 without. A page that there is not is a path to nothing. */
void get_events(struct exchange *x)
{
	char page[8];
	unsigned long n = 0;

	if (request_query(x->request, "page", page, sizeof(page))) {
		char *end = page;

		n = strtoul(page, &end, 10);
		if (*page < '0' || *page > '9' || *end || n > EVENTS_PAGES_MAX) {
			problem(x, "http.path", page, NULL);
			return;
		}
	}
	answer_without(x, (enum queue_part)(QUEUE_EVENTS_PAGES + n));
}

/* No evidence, which has the document in it, is given out before that is on record. */
void get_evidence(struct exchange *x)
{
	_cleanup_(closep) int fd = -1;

	if (!fetch(x, QUEUE_CONTAINER, &fd))
		return;
	if (links_reading(x->links, x->id, READER_PARTNER, x->partner->name,
		    "evidence") != QUEUE_DONE) {
		problem(x, "http.queue-away", x->request->path, NULL);
		return;
	}
	response_fd(x->response, 200, TYPE_CONTAINER, take_fd(&fd));
	x->response->extension = "asice";
}

/* The facts of the document's report, for what the receipt does not say; NULL without. */
static json_t *facts_of(struct exchange *x)
{
	_cleanup_(closep) int fd = -1;
	struct queue_document document;
	json_t *report, *facts;
	struct span text;

	if (links_get(x->links, x->id, x->partner->name, QUEUE_REPORT, &document, &fd) !=
			QUEUE_DONE ||
		memfd_map(fd, LIMIT_REPORT, &text) < 0)
		return NULL;
	report = json_read(text, LIMIT_REPORT);
	memfd_unmap(&text);
	facts = json_incref(json_object_get(report, "facts"));
	json_decref(report);
	return facts;
}

/* Have the acknowledgement sealed in the role of receipts.
 * Return: SIGNER_SIGNED with *ret_xml, other enum signer_answer, or negative. */
static int seal_once(struct exchange *x, const char *root, char **ret_xml)
{
	_cleanup_(receipt_seal_done) struct receipt_seal seal = { 0 };
	struct receipt_seal_plan plan = {
		.root = span_str(root), .id = x->id, .signing_time = clock_now()
	};
	_cleanup_(freep) char *role = NULL;
	uint8_t digest[SHA256_SIZE];
	struct signer_result result = { 0 };
	int r = links_certificates(x->links, &plan.certificates);

	if (r != SIGNER_SIGNED)
		return r;
	role = receipt_role(x->server->name, x->server->test);
	if (!role)
		return -ENOMEM;
	plan.role = role;
	r = receipt_seal_prepare(&plan, &seal, digest);
	if (r == 0)
		r = links_sign(x->links, digest, x->id, &result);
	if (r != SIGNER_SIGNED)
		return r;
	r = receipt_seal_finish(&seal, span_of(result.value, result.value_len), ret_xml);
	if (r < 0)
		links_forget(x->links); /* the key may have been replaced */
	return r < 0 ? r : SIGNER_SIGNED;
}

static void answer_sealed(struct exchange *x, const char *root)
{
	char *xml = NULL;
	int r = seal_once(x, root, &xml);

	/* Once more on a new connection: the signer may have been restarted. */
	if (r <= 0 && r != -EAGAIN)
		r = seal_once(x, root, &xml);
	if (r == SIGNER_SIGNED) {
		response_text(x->response, 200, TYPE_XML, xml);
		return;
	}
	log_event(LOG_ERR, "intake.signer-away", x->id, "no seal for the receipt: %s",
		r < 0 ? strerror(-r) : "the signer does not sign");
	problem(x, "http.signer-away", NULL, NULL);
}

static void answer_xml(struct exchange *x, int fd)
{
	_cleanup_json_ json_t *facts = facts_of(x);
	_cleanup_(freep) char *root = NULL;
	struct span receipt;
	int r = memfd_map(fd, LIMIT_RECEIPT, &receipt);

	if (r == 0) {
		r = acknowledgement_write(receipt, facts, &root);
		memfd_unmap(&receipt);
	}
	if (r < 0 || !root)
		problem(x, "internal.error", NULL, NULL);
	else
		answer_sealed(x, root);
}

void get_receipt(struct exchange *x)
{
	_cleanup_(closep) int fd = -1;

	if (!fetch(x, QUEUE_RECEIPT, &fd))
		return;
	if (http_prefers_xml(scgi_get(&x->request->scgi, "HTTP_ACCEPT")))
		answer_xml(x, fd);
	else
		response_fd(x->response, 200, TYPE_JSON, take_fd(&fd));
}
