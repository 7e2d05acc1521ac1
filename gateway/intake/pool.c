/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One thing to do wakes one thread; the next is looked for when that one has it. */
static int watch(struct pool *p, int operation, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };

	return epoll_ctl(p->epoll, operation, fd, &e) < 0 ? -errno : 0;
}

/* Take what waits. Return: 1 with *ret_socket, -1 the pool ends, 0 the thread is idle. */
static int take(struct pool *p, int *ret_socket)
{
	int r = 0;

	pthread_mutex_lock(&p->lock);
	if (p->waiting) {
		*ret_socket = p->sockets[p->first];
		p->first = (p->first + 1) % p->room;
		p->waiting--;
		r = 1;
	} else if (p->stopping) {
		r = -1;
	} else {
		p->idle++;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

/* The end of being idle, with a connection or for what was given. */
static void called(struct pool *p, bool accepted)
{
	pthread_mutex_lock(&p->lock);
	p->idle--;
	p->taken += accepted;
	if (p->idle == 0)
		eventfd_write(p->crowded, 1);
	pthread_mutex_unlock(&p->lock);
}

/* Sleep until there is something. Return: a connection, or negative: look what waits. */
static int idle(struct pool *p)
{
	struct epoll_event e;
	eventfd_t one;
	int socket = -1;

	while (epoll_wait(p->epoll, &e, 1, -1) != 1)
		; /* EINTR */
	if (e.data.fd == p->given)
		eventfd_read(p->given, &one);
	else
		socket = p->work.accept(p->work.arg);
	watch(p, EPOLL_CTL_MOD, e.data.fd);
	called(p, socket >= 0);
	return socket;
}

/* Wait for a connection. Return: negative when the pool ends and none is left. */
static int next(struct pool *p)
{
	int socket = -1, r;

	while (socket < 0 && (r = take(p, &socket)) >= 0)
		if (r == 0)
			socket = idle(p);
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

	while ((socket = next(p)) >= 0) {
		p->work.serve(p->work.arg, kept, socket);
		/* Free before the client sees the end: it may come back at once. */
		finished(p);
		close(socket);
	}
	if (p->work.end)
		p->work.end(p->work.arg, kept);
	return NULL;
}

static int open_doors(struct pool *p)
{
	int r;

	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->given = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	p->crowded = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epoll < 0 || p->given < 0 || p->crowded < 0)
		return -errno;
	r = watch(p, EPOLL_CTL_ADD, p->given);
	if (r == 0 && p->work.accept)
		r = watch(p, EPOLL_CTL_ADD, p->work.listener);
	return r;
}

int pool_start(struct pool *p, size_t threads, size_t room, const struct pool_work *work)
{
	int r;

	*p = (struct pool){
		.work = *work, .room = room, .lock = PTHREAD_MUTEX_INITIALIZER
	};
	p->sockets = calloc(room, sizeof(*p->sockets));
	p->threads = calloc(threads, sizeof(*p->threads));
	r = open_doors(p);
	if (r == 0 && (!p->sockets || !p->threads))
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < threads; i++) {
		r = -pthread_create(&p->threads[i], NULL, run, p);
		if (r == 0)
			p->thread_count++;
	}
	if (r < 0)
		pool_stop(p);
	return r;
}

bool pool_crowded(struct pool *p)
{
	eventfd_t since;
	bool crowded;

	eventfd_read(p->crowded, &since);
	pthread_mutex_lock(&p->lock);
	crowded = p->idle == 0;
	pthread_mutex_unlock(&p->lock);
	return crowded;
}

bool pool_give(struct pool *p, int socket)
{
	bool room;

	pthread_mutex_lock(&p->lock);
	room = p->taken < p->room;
	if (room) {
		p->taken++;
		p->sockets[(p->first + p->waiting++) % p->room] = socket;
		if (p->idle)
			eventfd_write(p->given, 1);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

static void close_door(int fd)
{
	if (fd >= 0)
		close(fd);
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	if (p->thread_count)
		eventfd_write(p->given, p->thread_count);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	close_door(p->epoll);
	close_door(p->given);
	close_door(p->crowded);
	free(p->sockets);
	free(p->threads);
	pthread_mutex_destroy(&p->lock);
	*p = (struct pool){ 0 };
}
