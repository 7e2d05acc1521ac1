/* SPDX-License-Identifier: EUPL-1.2 */
/* How much a partner has sent in a time. */
#include "queue/backend.h"

/* The version of both schemas by which that is counted in an index alone. */
const char SENT_INDEX[] =
	"CREATE INDEX documents_received ON documents(partner,received,size);";

int engine_sent(struct engine *e, const struct queue_sent_request *q, int *ret_fd)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_SENT, "tiii", q->partner, q->since, q->until, q->lately);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	return json_to_fd(
		json_pack("{s:I,s:I,s:I}", "documents", (json_int_t)sql_int(s, 0),
			"octets", (json_int_t)sql_int(s, 1), "lately",
			(json_int_t)sql_int(s, 2)),
		ret_fd);
}
