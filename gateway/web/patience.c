/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/patience.h"

bool patience_take(struct patience *p, int64_t now_ms)
{
	if (now_ms < atomic_load(&p->rest_until_ms))
		return false;
	if (atomic_fetch_add(&p->waiting, 1) < PATIENCE_AT_ONCE)
		return true;
	atomic_fetch_sub(&p->waiting, 1);
	return false;
}

void patience_give(struct patience *p, int64_t now_ms, bool in_time)
{
	if (!in_time)
		atomic_store(&p->rest_until_ms, now_ms + PATIENCE_REST_MS);
	atomic_fetch_sub(&p->waiting, 1);
}
