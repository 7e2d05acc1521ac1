/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A fixed number of threads that each serve one connection at a time; never takes more
 * connections than it has room for, so that nobody waits unanswered. As few threads as
 * the load needs take turns: each has connections of its own to other programs.
 */
#ifndef SEALGATE_INTAKE_POOL_H
#define SEALGATE_INTAKE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct pool_work {
	void *(*begin)(void *arg); /* once in each thread: what it keeps; NULL: none */
	void (*serve)(
		void *arg, void *kept, int socket); /* closing is the pool's business */
	void (*end)(void *arg, void *kept);
	void *arg;
	/* A connection of the listener, which must not block, or negative; NULL: all are
	 * given. */
	int (*accept)(void *arg);
	int listener; /* where there is accept; borrowed */
};

struct pool {
	struct pool_work work;
	pthread_mutex_t lock;
	/* What idle threads wait for: the listener and `given`. The kernel calls the one
	 * that came last, which is who was busy last. */
	int epoll;
	int given;   /* eventfd: connections that idle threads were called for */
	int crowded; /* eventfd: no thread was idle any more since it was read */
	size_t idle;
	int *sockets; /* ring of connections for which no thread was idle */
	size_t room;  /* of the ring, and of connections in all */
	size_t first, waiting;
	size_t taken; /* waiting and being served */
	bool stopping;
	pthread_t *threads;
	size_t thread_count;
};

/* Start the threads. room: connections waiting and being served together; with
 * room == threads none ever waits. Idle threads accept by themselves: whoever else wakes
 * up for a connection would only wake one of them. Return: 0, -ENOMEM, -EAGAIN, -errno.
 */
int pool_start(struct pool *p, size_t threads, size_t room, const struct pool_work *work);

/* Is no thread idle, so that nobody accepts? p->crowded is readable when that begins. */
bool pool_crowded(struct pool *p);

/* Hand a connection over. Return: false when there is no room: it is still the caller's.
 */
bool pool_give(struct pool *p, int socket);

/* Let every connection that was given be served, then end the threads. */
void pool_stop(struct pool *p);

#endif
