/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings releases which await a second person. */
#include "queue/engine_sqlite.h"
#include "queue/review_tables.h"

const char REVIEW_TABLES[] = REVIEW_COLUMNS("INTEGER PRIMARY KEY", "INTEGER",
	"TEXT NOT NULL") " STRICT;" REVIEW_LISTED "CREATE TRIGGER reviews_kept BEFORE "
			 "UPDATE ON reviews WHEN " REVIEW_OVER
			 " BEGIN SELECT RAISE(ABORT,'a proposal is only decided'); END;"
			 "CREATE TRIGGER reviews_never_deleted BEFORE DELETE ON reviews"
			 " BEGIN SELECT RAISE(ABORT,'proposals are never deleted'); END;";
