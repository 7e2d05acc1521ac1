/* SPDX-License-Identifier: EUPL-1.2 */
#include "handshake/budget.h"

#define ONE_MS (1000 / BUDGET_SECOND)
#define MOST_MS ((int64_t)BUDGET_AT_ONCE * ONE_MS)

void budget_init(struct handshake_budget *b, int64_t now_ms)
{
	*b = (struct handshake_budget){ .left_ms = MOST_MS, .at_ms = now_ms };
}

bool budget_take(struct handshake_budget *b, int64_t now_ms)
{
	b->left_ms += now_ms - b->at_ms;
	b->at_ms = now_ms;
	if (b->left_ms > MOST_MS)
		b->left_ms = MOST_MS;
	if (b->left_ms < ONE_MS)
		return false;
	b->left_ms -= ONE_MS;
	return true;
}
