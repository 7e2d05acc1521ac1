/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose turn it is to call a partner back: one caller at a time, whatever appliance it is
 * of, and no earlier than the last one that was not heard said. */
#include "queue/backend.h"

/* Take the lease when it is free. Return: 1, 0 it is not, negative. */
static int take_lease(struct engine *e, int64_t now,
	const struct queue_callback_request *q, struct queue_claim *ret_claim)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_CALLBACK_LEASE, "tiii",
		q->partner, now, now + (int64_t)q->lease_s, (int64_t)(q->anew != 0));
	int r = sql_step(e, s);

	if (r > 0)
		*ret_claim = (struct queue_claim){ .fence = (uint64_t)sql_int(s, 0),
			.attempt = (uint32_t)sql_int(s, 1) };
	return r;
}

int engine_claim_callback(struct engine *e, int64_t now,
	const struct queue_callback_request *q, struct queue_claim *ret_claim,
	int *ret_fd)
{
	int r = leases_look(e, now);

	if (r == 0)
		r = outcomes_wait(e, q->partner);
	if (r > 0)
		r = take_lease(e, now, q, ret_claim);
	if (r <= 0)
		return r < 0 ? r : QUEUE_EMPTY;
	return engine_outcomes(e, q->partner, -1, (int)q->limit, ret_fd);
}

static int read_fence(struct engine *e, const char *partner, uint64_t *ret_fence)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_CALLBACK_OF, "t", partner);
	int r = sql_step(e, s);

	*ret_fence = r > 0 ? (uint64_t)sql_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static int taken(struct engine *e, int64_t now, const struct queue_called_back_request *q)
{
	_cleanup_(closep) int fd = -1;
	int r = engine_outcomes_acknowledge(e, now, q->partner, q->cursor, &fd);

	if (r != QUEUE_DONE)
		return r;
	r = sql_run(e, SQL_CALLBACK_DONE, "t", q->partner);
	return r < 0 ? r : QUEUE_DONE;
}

int engine_called_back(
	struct engine *e, int64_t now, const struct queue_called_back_request *q)
{
	uint64_t fence;
	int r = read_fence(e, q->partner, &fence);

	if (r < 0)
		return r;
	if (q->fence == 0 || q->fence != fence)
		return QUEUE_STALE;
	if (q->cursor >= 0)
		return taken(e, now, q);
	if (q->retry_at < 0)
		return QUEUE_ILLEGAL;
	r = sql_run(e, SQL_CALLBACK_LATER, "ti", q->partner, q->retry_at);
	return r < 0 ? r : QUEUE_DONE;
}
