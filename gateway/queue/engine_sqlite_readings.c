/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings readings. */
#include "queue/engine_sqlite.h"

/* Who has read what of a document, so that the first time is recorded. */
const char READING_TABLES[] =
	"CREATE TABLE readings("
	" document INTEGER NOT NULL REFERENCES documents,"
	" reader TEXT NOT NULL CHECK(reader<>''),"
	" PRIMARY KEY(document,reader)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER readings_kept BEFORE UPDATE ON readings"
	" BEGIN SELECT RAISE(ABORT,'a reading is recorded once'); END;"
	"CREATE TRIGGER readings_never_deleted BEFORE DELETE ON readings"
	" BEGIN SELECT RAISE(ABORT,'a reading is recorded once'); END;";
