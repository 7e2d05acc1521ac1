/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/inside.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/memfd.h"
#include "evidence/inside.h"
#include "evidence/seal_policy.h"
#include "seal/stamp.h"
#include "seal/validation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define META_MAX (1024u * 1024)
#define WORKERS_MAX 4 /* attempts in which a worker may end */

struct making {
	struct seal_tools *tools;
	const struct inside_wish *wish;
	struct inside_order order;
	char *role;
	struct inside_answer answer;
	enum inside_outcome outcome;
	char *reason;
	size_t size;
};

/* Return: false, with the outcome and its reason. */
__attribute__((format(printf, 3, 4))) static bool end(
	struct making *m, enum inside_outcome outcome, const char *format, ...)
{
	va_list ap;

	m->outcome = outcome;
	va_start(ap, format);
	(void)vsnprintf(m->reason, m->size, format, ap);
	va_end(ap);
	return false;
}

static bool fetch_certificates(struct making *m)
{
	struct certificates *c = &m->tools->inside;
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result result = { 0 };
	size_t len = 0;
	int r = signer_certificates(m->tools->signer, INSIDE_ROLE, &der, &len, &result);

	if (r != SIGNER_SIGNED)
		return end(m, INSIDE_LATER,
			"the signer, for the role " INSIDE_ROLE ": %s",
			r < 0 ? strerror(-r) : result.reason);
	certificates_done(c);
	if (certificates_read(span_of(der, len), result.mechanism, c) < 0)
		return end(m, INSIDE_LATER,
			"the signer has no usable certificate for the role " INSIDE_ROLE);
	c->fetched = clock_monotonic_ms();
	return true;
}

static bool start(struct making *m)
{
	const struct seal_house *house = m->tools->house;
	struct certificates *c = &m->tools->inside;

	if ((!c->count || clock_monotonic_ms() - c->fetched > CERTIFICATES_FRESH_MS) &&
		!fetch_certificates(m))
		return false;
	if (!certificates_valid(c, m->wish->now))
		return end(m, INSIDE_LATER,
			"the certificate of the role " INSIDE_ROLE
			" is not within its validity");
	m->role = seal_role(house->instance_name, house->test, m->wish->level_b);
	m->order = (struct inside_order){ .place = m->wish->place,
		.document = m->wish->input->document,
		.document_id = m->wish->input->document_id,
		.role = m->role,
		.mechanism = c->mechanism,
		.signing_time = m->wish->now,
		.certificates = c->list,
		.certificate_count = c->count < INSIDE_CERTIFICATES_MAX
					     ? c->count
					     : INSIDE_CERTIFICATES_MAX };
	return m->role || end(m, INSIDE_LATER, "no memory");
}

/* refused: the worker could not, which it says, or was ended within its limits. */
static bool read_answer(struct making *m, int fd, bool refused)
{
	_cleanup_json_ json_t *answer = NULL;
	struct span text;

	inside_answer_done(&m->answer);
	if (memfd_map(fd, LIMIT_REPORT, &text) < 0)
		return end(m, INSIDE_LATER, "the worker's answer cannot be read");
	answer = json_read(text, LIMIT_REPORT);
	memfd_unmap(&text);
	if (!answer || inside_answer_read(answer, &m->answer) < 0)
		return refused ? end(m, INSIDE_IMPOSSIBLE,
					 "a worker could not make it within its limits")
			       : end(m, INSIDE_LATER, "the worker's answer is none");
	return !m->answer.reason || end(m, INSIDE_IMPOSSIBLE, "%s", m->answer.reason);
}

/* Have the order carried out as far as it goes. */
static bool ask(struct making *m)
{
	const struct validation_subject subject = { m->wish->input->partner,
		m->wish->input->document_id };
	_cleanup_(closep) int order = -1, report = -1;
	_cleanup_buf_ struct buf octets;
	struct verdict verdict;
	int r;

	buf_init(&octets, INSIDE_ORDER_MAX);
	r = inside_order_write(&m->order, &octets);
	if (r == 0)
		r = order = memfd_from("order", buf_span(&octets));
	if (r >= 0)
		r = validation_ask(m->tools->house, VERIFY_INSIDE, &subject, order,
			&verdict, &report);
	/* A document on whose order workers end again and again goes without. */
	if (r == -ECONNRESET && m->wish->input->attempt > WORKERS_MAX)
		return end(m, INSIDE_IMPOSSIBLE,
			"the worker that was to make it ended each time");
	if (r <= 0)
		return end(m, INSIDE_LATER, "the verify process: %s",
			r < 0 ? strerror(-r) : "busy");
	return read_answer(m, report, verdict.decision != DECISION_ACCEPTED);
}

static bool sign(struct making *m, struct signer_result *result)
{
	int r;

	if (!m->answer.digest)
		return end(m, INSIDE_LATER, "the worker's answer has no digest");
	r = signer_sign(m->tools->signer, INSIDE_ROLE, m->answer.digest,
		m->answer.digest_len, m->order.document_id, result);
	if (r != SIGNER_SIGNED)
		return end(m, INSIDE_LATER,
			"the signer, for the role " INSIDE_ROLE ": %s",
			r < 0 ? strerror(-r) : result->reason);
	m->order.value = span_of(result->value, result->value_len);
	return ask(m);
}

static bool stamp(struct making *m, uint8_t **ret_token)
{
	char why[ATTEMPT_REASON_SIZE] = "";
	enum stamp outcome;
	int64_t gen_time;
	size_t len = 0;

	if (m->wish->level_b)
		return true;
	if (!m->answer.imprint)
		return end(m, INSIDE_LATER, "the worker's answer has no imprint");
	outcome =
		stamp_octets(m->tools, span_of(m->answer.imprint, m->answer.imprint_len),
			ret_token, &len, &gen_time, why, sizeof(why));
	if (outcome != STAMP_MADE)
		return end(m, outcome == STAMP_SKEWED ? INSIDE_SKEWED : INSIDE_NO_STAMP,
			"%s", why);
	m->order.token = span_of(*ret_token, len);
	return ask(m);
}

enum inside_outcome inside_seal(struct seal_tools *t, const struct inside_wish *wish,
	struct buf *ret, char *ret_reason, size_t size)
{
	struct making m = {
		.tools = t, .wish = wish, .reason = ret_reason, .size = size
	};
	struct signer_result result = { 0 };
	_cleanup_(freep) uint8_t *token = NULL;

	if (start(&m) && ask(&m) && sign(&m, &result) && stamp(&m, &token))
		m.outcome = inside_insert(wish->input->document, &m.answer, ret) == 0
				    ? INSIDE_MADE
				    : INSIDE_LATER;
	inside_answer_done(&m.answer);
	free(m.role);
	return m.outcome;
}

static void want(const struct profiles *profiles, const char *destination,
	struct inside_wants *ret)
{
	char base[DESTINATION_NAME_SIZE];
	const struct profile *p;

	(void)snprintf(
		base, sizeof(base), "%.*s", (int)strcspn(destination, "/"), destination);
	p = profile_find(profiles, base);
	ret->parallel |= p && p->inside == PROFILE_INSIDE_PARALLEL;
	ret->counter |= p && p->inside == PROFILE_INSIDE_COUNTER;
}

static bool anybody_wants(const struct profiles *profiles)
{
	for (size_t i = 0; profiles && i < profiles->count; i++)
		if (profiles->list[i].inside != PROFILE_INSIDE_NONE)
			return true;
	return false;
}

int inside_wanted(const struct profiles *profiles, struct queue *q,
	const char *document_id, struct inside_wants *ret)
{
	_cleanup_json_ json_t *meta = NULL;
	_cleanup_(closep) int fd = -1;
	struct queue_document document;
	const json_t *delivery;
	struct span text;
	size_t i;
	int r;

	*ret = (struct inside_wants){ 0 };
	if (!anybody_wants(profiles))
		return 0;
	r = queue_get(q, document_id, NULL, QUEUE_META, &document, &fd);
	if (r != QUEUE_DONE)
		return r < 0 ? r : -EAGAIN;
	r = memfd_map(fd, META_MAX, &text);
	if (r < 0)
		return r;
	meta = json_read(text, META_MAX);
	memfd_unmap(&text);
	json_array_foreach(json_object_get(meta, "deliveries"), i, delivery)
	{
		const char *destination = json_string_of(delivery, "destination");

		if (destination)
			want(profiles, destination, ret);
	}
	return meta ? 0 : -EPROTO;
}
