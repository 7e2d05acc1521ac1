/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/trunk.h"

#define QUEUE_TIMEOUT_MS 30000

void trunk_init(struct trunk *t, const struct instance *instance)
{
	*t = (struct trunk){ .instance = instance };
	pthread_mutex_init(&t->lock, NULL);
}

void trunk_done(struct trunk *t)
{
	queue_disconnect(t->queue);
	pthread_mutex_destroy(&t->lock);
}

struct queue *trunk_take(struct trunk *t)
{
	char path[PATH_MAX];

	pthread_mutex_lock(&t->lock);
	if (!t->queue && (instance_socket(t->instance, "queued", path) < 0 ||
				 queue_connect(path, QUEUE_TIMEOUT_MS, &t->queue) < 0)) {
		t->queue = NULL;
		pthread_mutex_unlock(&t->lock);
		return NULL;
	}
	return t->queue;
}

void trunk_give(struct trunk *t, int answer)
{
	if (answer < 0) {
		queue_disconnect(t->queue);
		t->queue = NULL;
	}
	pthread_mutex_unlock(&t->lock);
}
