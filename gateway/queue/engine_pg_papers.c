/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings papers; see engine_sqlite_papers.c. */
#include "queue/engine_pg_tables.h"

const char PG_PAPER_TABLES[] =
	"CREATE TABLE papers("
	" document BIGINT PRIMARY KEY REFERENCES documents,"
	" country " TEXT ", number " TEXT " CHECK(number<>''),"
	" sandbox BIGINT NOT NULL CHECK(sandbox BETWEEN 0 AND 1),"
	" made BIGINT NOT NULL CHECK(made BETWEEN 0 AND 1)"
	");"
	"CREATE UNIQUE INDEX papers_made ON papers(country,number,sandbox)"
	" WHERE made=1;"
	"CREATE INDEX papers_number ON papers(number);";

const char PG_PAPER_TRIGGERS[] = KEPT("papers_kept",
	"UPDATE OF document,country,number,sandbox", "papers",
	"what a document says never changes") NEVER_DELETED("papers",
	"what a document says is never deleted") "CREATE TRIGGER papers_given_up BEFORE "
						 "UPDATE OF made ON papers"
						 " FOR EACH ROW WHEN (NEW.made>OLD.made) "
						 "EXECUTE FUNCTION"
						 " sealgate_refuse('a paper that was "
						 "given up stays so');";
