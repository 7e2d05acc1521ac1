/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the texts of PostgreSQL's schema share, and those that stand in files of their
 * own; never included outside engine_pg_*.c.
 */
#ifndef SEALGATE_QUEUE_ENGINE_PG_TABLES_H
#define SEALGATE_QUEUE_ENGINE_PG_TABLES_H

#include "queue/engine_pg.h"

/* Order and comparison of texts is that of their octets, as in SQLite. */
#define TEXT "TEXT COLLATE \"C\" NOT NULL"

#define KEPT(name, event, table, why)                                                    \
	"CREATE TRIGGER " name " BEFORE " event " ON " table                             \
	" FOR EACH ROW EXECUTE FUNCTION sealgate_refuse('" why "');"
#define NEVER_DELETED(table, why)                                                        \
	KEPT(table "_never_deleted", "DELETE", table, why)                               \
	"CREATE TRIGGER " table "_never_emptied BEFORE TRUNCATE ON " table               \
	" EXECUTE FUNCTION sealgate_refuse('" why "');"

extern const char PG_ERASURE_TABLES[], PG_ERASURE_FUNCTIONS[], PG_ERASURE_TRIGGERS[],
	PG_ERASURE_RULES[];
extern const char PG_PAPER_TABLES[], PG_PAPER_TRIGGERS[];
extern const char PG_REVIEW_TABLES[], RENEWAL_INDEX[];
extern const char SENT_INDEX[], SENT_FORM[], SENT_DOUBT[];

#endif
