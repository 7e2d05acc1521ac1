/* SPDX-License-Identifier: EUPL-1.2 */
/* What was leased by a clock that was ahead would not come free before that time, however
 * far it is. */
#include "queue/backend.h"

/* No lease is as long, nor what documents and their evidence records are put off for,
 * whatever the clocks of two appliances differ by. */
#define BEYOND_S (2 * QUEUE_LEASE_MAX_S)
#define LOOK_AGAIN_S 60

/* What each index gives at once. */
static int end_leases(struct engine *e, int64_t now)
{
	const int64_t beyond = now + BEYOND_S;
	int r = sql_run(e, SQL_BEYOND_DOCUMENTS, "iit", now, beyond, "accepted");

	if (r == 0)
		r = sql_run(e, SQL_BEYOND_DOCUMENTS, "iit", now, beyond, "held");
	if (r == 0)
		r = sql_run(e, SQL_BEYOND_SENDING, "ii", now, beyond);
	if (r == 0)
		r = sql_run(e, SQL_BEYOND_STAMPS, "ii", now, beyond);
	return r < 0 ? r : sql_run(e, SQL_BEYOND_CALLBACKS, "ii", now, beyond);
}

int leases_look(struct engine *e, int64_t now)
{
	if (e->leases_at && now >= e->leases_at && now - e->leases_at < LOOK_AGAIN_S)
		return 0;
	e->leases_at = now;
	return end_leases(e, now);
}

int engine_clock_back(struct engine *e, int64_t now)
{
	const int64_t beyond = now + BEYOND_S;
	int r = end_leases(e, now);

	if (r == 0)
		r = sql_run(e, SQL_BEYOND_OPEN, "ii", now, beyond);
	if (r == 0)
		r = sql_run(e, SQL_BEYOND_CALLS, "ii", now, beyond);
	if (r == 0)
		r = sql_run(e, SQL_BEYOND_RENEWALS, "ii", now, beyond);
	return r < 0 ? r : sql_run(e, SQL_BEYOND_ERASURES, "ii", now, beyond);
}
