/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/heads.h"

#include "common/log.h"
#include "common/memfd.h"
#include "queue/sealed_head.h"
#include "seal/queue_link.h"
#include "seal/stamp.h"

#define LOOK_MS 1000
#define AWAY_MS 30000 /* until an authority that did not answer is asked again */

struct header {
	struct queue_link link;
	struct seal_tools tools;
	bool told; /* that no authority stamps */
};

/* Said once; nobody is asked again at once. */
static void not_yet(struct header *h, const char *reason)
{
	if (!h->told)
		log_event(LOG_WARNING, "seal.head-unstamped", NULL,
			"the head of the audit chain waits for its time-stamp: %s",
			reason);
	h->told = true;
	daemon_wait(h->link.house->daemon, AWAY_MS);
}

/* Return: false when the queue is away. */
static bool hand_over(struct header *h, int64_t position, int64_t time, struct span token)
{
	_cleanup_(closep) int fd = memfd_from("token", token);
	int r = fd < 0 ? QUEUE_EMPTY
		       : queue_head_stamped(h->link.queue, position, time, fd);

	if (r == QUEUE_DONE) {
		h->told = false;
		log_event(LOG_INFO, "seal.head-stamped", NULL,
			"the head of the audit chain at position %lld is time-stamped",
			(long long)position);
	} else if (r >= 0) {
		not_yet(h, "queued does not keep it now");
	}
	return r >= 0;
}

static bool stamp(struct header *h, int64_t position, struct span head)
{
	_cleanup_(freep) uint8_t *token = NULL;
	char reason[ATTEMPT_REASON_SIZE] = "";
	int64_t time;
	size_t len = 0;

	if (stamp_octets(&h->tools, head, &token, &len, &time, reason, sizeof(reason)) ==
		STAMP_MADE)
		return hand_over(h, position, time, span_of(token, len));
	not_yet(h, reason);
	return true;
}

/* Return: false when the queue is away. */
static bool one(struct header *h)
{
	_cleanup_(closep) int fd = -1;
	int64_t position = 0;
	struct span head;
	bool there;
	int r = queue_head_unstamped(h->link.queue, &position, &fd);

	if (r != QUEUE_DONE) {
		daemon_wait(h->link.house->daemon, LOOK_MS);
		return r >= 0;
	}
	if (memfd_map(fd, SEALED_HEAD_MAX, &head) < 0)
		return false;
	there = stamp(h, position, head);
	memfd_unmap(&head);
	return there;
}

void *heads_run(void *arg)
{
	struct header h = { .link = { .house = arg }, .tools = { .house = arg } };

	while (!daemon_wait(h.link.house->daemon, 0))
		if (queue_link_up(&h.link) && !one(&h))
			queue_link_drop(&h.link);
	seal_tools_done(&h.tools);
	queue_link_done(&h.link);
	return NULL;
}
