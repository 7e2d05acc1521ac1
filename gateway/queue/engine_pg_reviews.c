/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of PostgreSQL's schema that brings releases which await a second person. */
#include "queue/engine_pg_tables.h"
#include "queue/review_tables.h"

const char PG_REVIEW_TABLES[] = REVIEW_COLUMNS(
	"BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY", "BIGINT",
	TEXT) ";" REVIEW_LISTED "CREATE TRIGGER reviews_kept BEFORE UPDATE ON reviews "
	      "FOR EACH ROW WHEN (" REVIEW_OVER
	      ") EXECUTE FUNCTION sealgate_refuse('a proposal is only "
	      "decided');" NEVER_DELETED("reviews", "proposals are never deleted");
