/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings papers. */
#include "queue/engine_sqlite.h"

/* What documents say of papers that they make electronic, or take over from the one that
 * they replace. One of those with a paper has
 * made it: it stands for the paper until its document is at an end and another one takes
 * its place. */
const char PAPER_TABLES[] =
	"CREATE TABLE papers("
	" document INTEGER PRIMARY KEY REFERENCES documents,"
	" country TEXT NOT NULL, number TEXT NOT NULL CHECK(number<>''),"
	" sandbox INTEGER NOT NULL CHECK(sandbox BETWEEN 0 AND 1),"
	" made INTEGER NOT NULL CHECK(made BETWEEN 0 AND 1)"
	") STRICT;"
	"CREATE UNIQUE INDEX papers_made ON papers(country,number,sandbox)"
	" WHERE made=1;"
	"CREATE INDEX papers_number ON papers(number);";

const char PAPER_TRIGGERS[] =
	"CREATE TRIGGER papers_kept BEFORE UPDATE OF document,country,number,sandbox"
	" ON papers"
	" BEGIN SELECT RAISE(ABORT,'what a document says never changes'); END;"
	"CREATE TRIGGER papers_given_up BEFORE UPDATE OF made ON papers"
	" WHEN NEW.made>OLD.made"
	" BEGIN SELECT RAISE(ABORT,'a paper that was given up stays so'); END;"
	"CREATE TRIGGER papers_never_deleted BEFORE DELETE ON papers"
	" BEGIN SELECT RAISE(ABORT,'what a document says is never deleted'); END;";
