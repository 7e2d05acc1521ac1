/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/batch.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Of batches.lock, apart from what who opened it alone touches until done. */
struct batch {
	uint8_t leaves[RECORD_LEAVES_MAX][SHA256_SIZE];
	size_t count, members; /* members: who still looks at it */
	size_t max;
	bool closed, done;
	pthread_cond_t changed;
	struct span alone; /* octets of the first document, of its own thread */
	struct record_tree *tree;
	uint8_t *token;
	size_t token_len;
	int64_t gen_time;
	enum stamp outcome;
	char reason[ATTEMPT_REASON_SIZE];
};

int batches_init(struct batches *b)
{
	int e = pthread_condattr_init(&b->clock);

	if (e == 0)
		e = pthread_condattr_setclock(&b->clock, CLOCK_MONOTONIC);
	b->open = NULL;
	if (e == 0)
		e = pthread_mutex_init(&b->lock, NULL);
	return -e;
}

void batches_done(struct batches *b)
{
	pthread_mutex_destroy(&b->lock);
	pthread_condattr_destroy(&b->clock);
}

static struct batch *batch_open(struct batches *all, size_t max, struct span document)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->max = max;
	b->alone = document;
	if (pthread_cond_init(&b->changed, &all->clock) != 0) {
		free(b);
		return NULL;
	}
	all->open = b;
	return b;
}

static void batch_free(struct batch *b)
{
	pthread_cond_destroy(&b->changed);
	record_tree_free(b->tree);
	free(b->token);
	free(b);
}

/* Join the open batch or open one; with the lock. *ret_index: the place in it. */
static struct batch *join(struct batches *all, size_t max, struct span document,
	const uint8_t hash[SHA256_SIZE], size_t *ret_index)
{
	struct batch *b = all->open ? all->open : batch_open(all, max, document);

	if (!b)
		return NULL;
	*ret_index = b->count++;
	b->members++;
	memcpy(b->leaves[*ret_index], hash, SHA256_SIZE);
	if (b->count == b->max) {
		b->closed = true;
		all->open = NULL;
		pthread_cond_broadcast(&b->changed);
	}
	return b;
}

static struct timespec later(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* Wait for others, then nobody joins any more; with the lock. */
static void gather(struct batches *all, struct batch *b, int wait_ms)
{
	struct timespec until = later(wait_ms);

	while (!b->closed &&
		pthread_cond_timedwait(&b->changed, &all->lock, &until) != ETIMEDOUT)
		;
	if (all->open == b)
		all->open = NULL;
	b->closed = true;
}

/* Without the lock: nobody else changes the batch now. */
static void ask(struct seal_tools *t, struct batch *b)
{
	struct span octets;
	int r = record_tree_new(
		(const uint8_t(*)[SHA256_SIZE])b->leaves, b->count, &b->tree);

	if (r < 0) {
		(void)snprintf(
			b->reason, sizeof(b->reason), "no hash tree: %s", strerror(-r));
		return;
	}
	octets = record_tree_octets(b->tree);
	b->outcome = stamp_octets(t, octets.len ? octets : b->alone, &b->token,
		&b->token_len, &b->gen_time, b->reason, sizeof(b->reason));
}

/* What this document gets of a batch that is done. */
static enum stamp share(const struct batch *b, size_t index, struct buf *ret,
	int64_t *ret_gen_time, char *ret_reason, size_t size)
{
	int r;

	(void)snprintf(ret_reason, size, "%s", b->reason);
	if (b->outcome != STAMP_MADE)
		return b->outcome;
	*ret_gen_time = b->gen_time;
	r = record_write(b->tree, index, span_of(b->token, b->token_len), ret);
	if (r == 0)
		return STAMP_MADE;
	(void)snprintf(ret_reason, size, "no evidence record: %s", strerror(-r));
	return STAMP_NONE;
}

/* Leave; the last one frees. */
static void leave(struct batches *all, struct batch *b)
{
	bool last;

	pthread_mutex_lock(&all->lock);
	last = --b->members == 0;
	pthread_mutex_unlock(&all->lock);
	if (last)
		batch_free(b);
}

enum stamp batch_record(struct seal_tools *t, struct span document, struct buf *ret,
	int64_t *ret_gen_time, char *ret_reason, size_t size)
{
	const struct batch_rule *rule = &t->house->authorities.batch;
	struct batches *all = t->house->batches;
	uint8_t hash[SHA256_SIZE];
	enum stamp outcome;
	struct batch *b;
	size_t index;

	(void)snprintf(ret_reason, size, "no memory for a batch");
	if (digest_sha256(document, hash) < 0)
		return STAMP_NONE;
	/* Who waits for others, or for the authority, keeps nobody from joining. */
	seats_give(&t->house->seats.work);
	pthread_mutex_lock(&all->lock);
	b = join(all, (size_t)rule->documents, document, hash, &index);
	if (b && index == 0) {
		gather(all, b, rule->wait_ms);
		pthread_mutex_unlock(&all->lock);
		ask(t, b);
		pthread_mutex_lock(&all->lock);
		b->done = true;
		pthread_cond_broadcast(&b->changed);
	}
	while (b && !b->done)
		pthread_cond_wait(&b->changed, &all->lock);
	pthread_mutex_unlock(&all->lock);
	seats_take(&t->house->seats.work);
	if (!b)
		return STAMP_NONE;
	outcome = share(b, index, ret, ret_gen_time, ret_reason, size);
	leave(all, b);
	return outcome;
}
