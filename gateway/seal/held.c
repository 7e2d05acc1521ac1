/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/held.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/memfd.h"
#include "evidence/record.h"
#include "seal/queue_link.h"
#include "seal/stamp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GATHERED_MAX 64
#define RETRY_S 10

struct holder {
	struct queue_link link;
	struct seal_tools tools;
	bool told; /* that no authority stamps */
	struct queue_claim claims[GATHERED_MAX];
	uint8_t leaves[GATHERED_MAX][SHA256_SIZE];
	size_t count;
	int first_fd; /* octets of the first */
};

static int hash_of(int fd, uint8_t ret_hash[SHA256_SIZE])
{
	struct span octets;
	int r = memfd_map(fd, LIMIT_DOCUMENT, &octets);

	if (r < 0)
		return r;
	r = digest_sha256(octets, ret_hash);
	memfd_unmap(&octets);
	return r;
}

/* One more of the batch. Return: enum queue_answer or negative. */
static int claim(struct holder *h)
{
	_cleanup_(closep) int fd = -1;
	int r = queue_claim_stamp(
		h->link.queue, h->link.house->lease_s, &h->claims[h->count], &fd);

	if (r != QUEUE_DONE)
		return r;
	r = hash_of(fd, h->leaves[h->count]);
	if (r < 0)
		return r; /* comes again when its lease has run out */
	if (h->count++ == 0)
		h->first_fd = take_fd(&fd);
	return QUEUE_DONE;
}

/* What waits now and what comes within the rule's time, as many as it allows. Return:
 * false when the queue is away. */
static bool gather(struct holder *h)
{
	const struct batch_rule *rule = &h->link.house->authorities.batch;
	size_t max = (size_t)rule->documents < GATHERED_MAX ? (size_t)rule->documents
							    : GATHERED_MAX;
	int64_t until = INT64_MAX;
	int r = QUEUE_DONE;

	while (r == QUEUE_DONE && h->count < max && clock_monotonic_ms() < until) {
		r = claim(h);
		if (h->count == 1 && r == QUEUE_DONE)
			until = clock_monotonic_ms() + rule->wait_ms;
	}
	return r == QUEUE_DONE || r == QUEUE_EMPTY;
}

/* Tell what came of one; the record is empty when it is to be tried again. */
static bool report(struct holder *h, const struct queue_claim *c, struct span record)
{
	_cleanup_(closep) int fd = record.len ? memfd_from("record", record) : -1;
	int r;

	if (record.len && fd < 0)
		return true; /* comes again when its lease has run out */
	r = queue_stamped(h->link.queue, c, record.len ? 0 : clock_now() + RETRY_S, fd);
	if (r == QUEUE_DONE && record.len)
		log_event(LOG_INFO, "seal.held-stamped", c->document.id,
			"its octets are time-stamped while it is held");
	return r >= 0 && r != QUEUE_UNAVAILABLE;
}

static bool report_all(
	struct holder *h, const struct record_tree *tree, struct span token)
{
	for (size_t i = 0; i < h->count; i++) {
		_cleanup_buf_ struct buf record;
		bool made;

		buf_init(&record, RECORD_SIZE_MAX);
		made = token.len && record_write(tree, i, token, &record) == 0;
		if (!report(h, &h->claims[i],
			    made ? buf_span(&record) : (struct span){ 0 }))
			return false;
	}
	return true;
}

static void tell_unstamped(struct holder *h, const char *reason)
{
	if (!h->told)
		log_event(LOG_WARNING, "seal.held-unstamped", NULL,
			"held documents wait for their time-stamp, tried again every %d "
			"s: %s",
			RETRY_S, reason);
	h->told = true;
}

/* One time-stamp over all. */
static bool stamp(struct holder *h, const struct record_tree *tree)
{
	_cleanup_(freep) uint8_t *token = NULL;
	char reason[ATTEMPT_REASON_SIZE] = "its octets cannot be read";
	struct span octets = record_tree_octets(tree), alone = { 0 };
	int64_t gen_time;
	size_t len = 0;

	if (!octets.len && memfd_map(h->first_fd, LIMIT_DOCUMENT, &alone) == 0)
		octets = alone;
	if (!octets.len || stamp_octets(&h->tools, octets, &token, &len, &gen_time,
				   reason, sizeof(reason)) != STAMP_MADE)
		tell_unstamped(h, reason);
	else
		h->told = false;
	memfd_unmap(&alone);
	return report_all(h, tree, span_of(token, len));
}

static void forget(struct holder *h)
{
	closep(&h->first_fd);
	h->first_fd = -1;
	h->count = 0;
}

static void one(struct holder *h)
{
	_cleanup_(record_tree_freep) struct record_tree *tree = NULL;
	bool there = gather(h);

	if (h->count)
		there = record_tree_new((const uint8_t(*)[SHA256_SIZE])h->leaves,
				h->count, &tree) == 0 &&
			stamp(h, tree);
	forget(h);
	if (!there)
		queue_link_drop(&h->link);
}

void *held_run(void *arg)
{
	struct holder h = {
		.link = { .house = arg }, .tools = { .house = arg }, .first_fd = -1
	};

	while (!daemon_wait(h.link.house->daemon, 0))
		if (queue_link_up(&h.link))
			one(&h);
	seal_tools_done(&h.tools);
	queue_link_done(&h.link);
	return NULL;
}
