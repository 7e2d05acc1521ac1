/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Called with the lock, which is given up: sleep until called. */
static int idle(struct pool *p)
{
	struct pool_idle me = { .next = p->idle, .socket = -1 };

	sem_init(&me.called, 0, 0);
	p->idle = &me;
	pthread_mutex_unlock(&p->lock);
	while (sem_wait(&me.called) < 0)
		; /* EINTR */
	sem_destroy(&me.called);
	return me.socket;
}

/* Called with the lock. Who is called has the connection and needs no lock for it. */
static bool call_one(struct pool *p, int socket)
{
	struct pool_idle *first = p->idle;

	if (!first)
		return false;
	p->idle = first->next;
	first->socket = socket;
	sem_post(&first->called);
	return true;
}

/* Wait for a connection. Return: -1 when the pool ends and none is left. */
static int take(struct pool *p)
{
	int socket = -1;

	pthread_mutex_lock(&p->lock);
	if (p->waiting == 0 && !p->stopping)
		return idle(p);
	if (p->waiting) {
		socket = p->sockets[p->first];
		p->first = (p->first + 1) % p->room;
		p->waiting--;
	}
	pthread_mutex_unlock(&p->lock);
	return socket;
}

static void finished(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->taken--;
	pthread_mutex_unlock(&p->lock);
}

static void *run(void *arg)
{
	struct pool *p = arg;
	void *kept = p->work.begin ? p->work.begin(p->work.arg) : NULL;
	int socket;

	while ((socket = take(p)) >= 0) {
		p->work.serve(p->work.arg, kept, socket);
		/* Free before the client sees the end: it may come back at once. */
		finished(p);
		close(socket);
	}
	if (p->work.end)
		p->work.end(p->work.arg, kept);
	return NULL;
}

int pool_start(struct pool *p, size_t threads, size_t room, const struct pool_work *work)
{
	*p = (struct pool){
		.work = *work, .room = room, .lock = PTHREAD_MUTEX_INITIALIZER
	};
	p->sockets = calloc(room, sizeof(*p->sockets));
	p->threads = calloc(threads, sizeof(*p->threads));
	if (!p->sockets || !p->threads) {
		pool_stop(p);
		return -ENOMEM;
	}
	for (size_t i = 0; i < threads; i++) {
		int r = pthread_create(&p->threads[i], NULL, run, p);

		if (r != 0) {
			pool_stop(p);
			return -r;
		}
		p->thread_count++;
	}
	return 0;
}

bool pool_give(struct pool *p, int socket)
{
	bool room;

	pthread_mutex_lock(&p->lock);
	room = p->taken < p->room;
	if (room) {
		p->taken++;
		if (!call_one(p, socket))
			p->sockets[(p->first + p->waiting++) % p->room] = socket;
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	while (call_one(p, -1))
		;
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	free(p->sockets);
	free(p->threads);
	pthread_mutex_destroy(&p->lock);
	*p = (struct pool){ 0 };
}
