/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/queue_link.h"

#define QUEUE_TIMEOUT_MS 30000
#define AGAIN_MS 500

void queue_link_done(struct queue_link *l)
{
	if (l->queue)
		queue_disconnect(TAKE(l->queue));
}

void queue_link_drop(struct queue_link *l)
{
	queue_link_done(l);
	daemon_wait(l->house->daemon, AGAIN_MS);
}

bool queue_link_up(struct queue_link *l)
{
	if (l->queue ||
		queue_connect(l->house->queued_socket, QUEUE_TIMEOUT_MS, &l->queue) == 0)
		return true;
	l->queue = NULL;
	queue_link_drop(l);
	return false;
}
