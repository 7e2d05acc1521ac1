/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Two appliances at one database, each in the middle of something; for tests only, never
 * waits for ever.
 */
#ifndef SEALGATE_TESTS_QUEUE_RACE_H
#define SEALGATE_TESTS_QUEUE_RACE_H

#include "tests/unit/queue/store.h"

#include <pthread.h>
#include <stdatomic.h>

/* What one of them does in a transaction of its own. */
struct racer {
	struct store store;
	int (*run)(struct store *s, const void *what);
	const void *what;
	int answer;
	atomic_bool over;
};

static inline void race_open(struct store *s, struct racer *a, struct racer *b)
{
	*a = (struct racer){ .store = *s };
	*b = (struct racer){ .store = *s };
	assert_int_equal(store_try(s, "second", &b->store.engine), 0);
}

static inline void race_close(struct racer *b)
{
	engine_close(b->store.engine);
}

/* Up to the commit. */
static inline int race_begin(struct racer *r)
{
	struct engine *e = r->store.engine;

	r->answer = -EIO;
	if (engine_begin(e) < 0 || engine_mark(e) < 0)
		return -EIO;
	r->answer = r->run(&r->store, r->what);
	return engine_unmark(e, r->answer == QUEUE_DONE);
}

static inline void *race_whole(void *arg)
{
	struct racer *r = arg;

	if (race_begin(r) < 0 || engine_commit(r->store.engine) < 0)
		r->answer = -EIO;
	atomic_store(&r->over, true);
	return NULL;
}

/* Until the server has somebody wait for a lock, or that one has come to its end. */
static inline void race_wait(struct store *s, const atomic_bool *over)
{
	for (int i = 0; i < 1000 && !atomic_load(over); i++) {
		char *n = store_query(s, "SELECT count(*) FROM pg_stat_activity"
					 " WHERE wait_event_type='Lock'");
		bool waits = strcmp(n, "0;") != 0;

		free(n);
		if (waits)
			return;
		usleep(10000);
	}
	if (!atomic_load(over))
		fail_msg("nobody waits");
}

/* The second begins and goes as far as it can while the first has not committed. */
static inline void race(struct racer *first, struct racer *second)
{
	pthread_t thread;

	assert_int_equal(race_begin(first), 0);
	assert_int_equal(pthread_create(&thread, NULL, race_whole, second), 0);
	race_wait(&first->store, &second->over);
	assert_int_equal(engine_commit(first->store.engine), 0);
	pthread_join(thread, NULL);
	atomic_store(&second->over, false);
}

#endif
