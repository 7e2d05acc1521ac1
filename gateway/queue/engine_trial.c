/* SPDX-License-Identifier: EUPL-1.2 */
/* A commit that stands for nothing: 64 KiB, as much as a document with all that is stored
 * of it, in a row of a table that every layout has, so that none is added for it. It is
 * taken back in the transaction that it came with: nobody else ever sees it, and it is
 * written and synchronised all the same. */
#include "queue/backend.h"

#include <errno.h>

static int add(struct engine *e, int64_t *ret_key)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_TRIAL_ADD, "");
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret_key = sql_int(s, 0);
	return 0;
}

int engine_trial(struct engine *e)
{
	int64_t key = 0;
	int r = add(e, &key);

	if (r == 0)
		r = sql_run(e, SQL_TRIAL_DROP, "i", key);
	return r < 0 ? r : QUEUE_DONE;
}
