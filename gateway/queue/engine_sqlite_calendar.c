/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings maintenance that comes again. */
#include "queue/engine_sqlite.h"

/* The first time, its length, and after how many seconds it comes again; what begins
 * until over_until is over. */
const char CALENDAR_TABLES[] =
	"CREATE TABLE calendar("
	" series INTEGER PRIMARY KEY,"
	" destination TEXT NOT NULL," /* '' all */
	" since INTEGER NOT NULL CHECK(since>0),"
	" length INTEGER NOT NULL CHECK(length>0),"
	" every INTEGER NOT NULL CHECK(every>length),"
	" over_until INTEGER NOT NULL DEFAULT 0 CHECK(over_until>=0),"
	" operator TEXT NOT NULL CHECK(operator<>''),"
	" reason TEXT NOT NULL CHECK(reason<>'')"
	") STRICT;";
