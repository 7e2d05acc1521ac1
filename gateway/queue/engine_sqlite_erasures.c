/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of the schema that brings erasure and legal holds. */
#include "queue/engine_sqlite.h"

/* What is erased when its time is over (erasures: claimed under a lease, then
 * done), and what keeps documents from it (legal_holds; empty texts: any). Octets go only
 * of a document that is noted as erased, and receipts never. */
const char ERASURE_TABLES[] =
	"CREATE TABLE erasures("
	" document INTEGER PRIMARY KEY REFERENCES documents,"
	" since INTEGER NOT NULL CHECK(since>0), due INTEGER NOT NULL CHECK(due>=0),"
	" fence INTEGER NOT NULL CHECK(fence>0),"
	" policy TEXT NOT NULL CHECK(policy<>''),"
	" seconds INTEGER NOT NULL CHECK(seconds>0),"
	" at INTEGER NOT NULL DEFAULT 0 CHECK(at>=0),"
	" archive TEXT NOT NULL DEFAULT '', manifest TEXT NOT NULL DEFAULT '',"
	" position INTEGER NOT NULL DEFAULT 0 CHECK(position>=0),"
	" statement INTEGER NOT NULL DEFAULT 0 CHECK(statement>=0),"
	" CHECK((at>0)=(position>0)),"
	" CHECK(at=0 OR (archive<>'' AND length(manifest)=64))"
	") STRICT;"
	"CREATE INDEX erasures_unstated ON erasures(position)"
	" WHERE at>0 AND statement=0;"
	"CREATE TABLE legal_holds("
	" hold INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL, partner TEXT NOT NULL, type TEXT NOT NULL,"
	" ground TEXT NOT NULL CHECK(ground='legal' OR ground='dispute'),"
	" since INTEGER NOT NULL CHECK(since>0),"
	" operator TEXT NOT NULL CHECK(operator<>''),"
	" reason TEXT NOT NULL CHECK(reason<>''),"
	" lifted INTEGER NOT NULL DEFAULT 0 CHECK(lifted>=0),"
	" lifted_by TEXT NOT NULL DEFAULT '', lifted_reason TEXT NOT NULL DEFAULT '',"
	" CHECK(id<>'' OR partner<>'' OR type<>''),"
	" CHECK((lifted>0)=(lifted_by<>'') AND (lifted>0)=(lifted_reason<>''))"
	") STRICT;";

const char ERASURE_TRIGGERS[] =
	"CREATE TRIGGER erasures_start BEFORE INSERT ON erasures WHEN NEW.at<>0"
	" BEGIN SELECT RAISE(ABORT,'erased without a claim'); END;"
	"CREATE TRIGGER erasures_done BEFORE UPDATE OF at ON erasures"
	" WHEN OLD.at=0 AND NEW.at>0 AND ("
	"  EXISTS(SELECT 1 FROM documents WHERE document=NEW.document AND"
	"   (state='held' OR state='accepted' OR state='quarantined')) OR"
	"  EXISTS(SELECT 1 FROM deliveries WHERE document=NEW.document AND"
	"   state<>'delivered' AND state<>'refused' AND state<>'expired') OR"
	"  EXISTS(SELECT 1 FROM documents d JOIN legal_holds h ON h.lifted=0 AND"
	"   (h.id='' OR h.id=d.id) AND (h.partner='' OR h.partner=d.partner) AND"
	"   (h.type='' OR h.type=d.type) WHERE d.document=NEW.document))"
	" BEGIN SELECT RAISE(ABORT,'it is open or held and not to be erased'); END;"
	"CREATE TRIGGER erasures_kept BEFORE UPDATE OF document,since,policy,seconds,at,"
	"archive,manifest,position ON erasures WHEN OLD.at>0"
	" BEGIN SELECT RAISE(ABORT,'what was erased stays so'); END;"
	"CREATE TRIGGER erasures_stated BEFORE UPDATE OF statement ON erasures"
	" WHEN OLD.statement>0 OR OLD.at=0"
	" BEGIN SELECT RAISE(ABORT,'a statement stands'); END;"
	"CREATE TRIGGER erasures_fence BEFORE UPDATE OF fence ON erasures"
	" WHEN NEW.fence<OLD.fence BEGIN SELECT RAISE(ABORT,'fence goes back'); END;"
	"CREATE TRIGGER erasures_never_deleted BEFORE DELETE ON erasures"
	" BEGIN SELECT RAISE(ABORT,'erasures are never deleted'); END;"
	"CREATE TRIGGER legal_holds_kept BEFORE UPDATE ON legal_holds"
	" WHEN OLD.lifted>0 OR NEW.id<>OLD.id OR NEW.partner<>OLD.partner OR"
	"  NEW.type<>OLD.type OR NEW.ground<>OLD.ground OR NEW.since<>OLD.since OR"
	"  NEW.operator<>OLD.operator OR NEW.reason<>OLD.reason"
	" BEGIN SELECT RAISE(ABORT,'a legal hold is only lifted'); END;"
	"CREATE TRIGGER legal_holds_never_deleted BEFORE DELETE ON legal_holds"
	" BEGIN SELECT RAISE(ABORT,'legal holds are never deleted'); END;";

#define ADDED_TO_NONE(table)                                                             \
	"CREATE TRIGGER " table "_of_none_erased BEFORE INSERT ON " table " WHEN"        \
	" EXISTS(SELECT 1 FROM erasures WHERE document=NEW.document AND at>0)"           \
	" BEGIN SELECT RAISE(ABORT,'it is erased'); END;"
#define NOTHING_ADDED                                                                    \
	ADDED_TO_NONE("blobs") ADDED_TO_NONE("containers") ADDED_TO_NONE("deliveries")

const char ERASURE_RULES[] =
	"DROP TRIGGER blobs_never_deleted;"
	"CREATE TRIGGER blobs_never_deleted BEFORE DELETE ON blobs"
	" WHEN OLD.part=4 OR NOT EXISTS(SELECT 1 FROM erasures"
	"  WHERE document=OLD.document AND at>0)"
	" BEGIN SELECT RAISE(ABORT,'blobs are never deleted'); END;"
	"DROP TRIGGER containers_never_deleted;"
	"CREATE TRIGGER containers_never_deleted BEFORE DELETE ON containers"
	" WHEN NOT EXISTS(SELECT 1 FROM erasures"
	"  WHERE document=OLD.document AND at>0)"
	" BEGIN SELECT RAISE(ABORT,'containers are never deleted'); END;" NOTHING_ADDED
	"CREATE TRIGGER erased_goes_nowhere BEFORE UPDATE OF state ON deliveries"
	" WHEN (OLD.state='delivered' OR OLD.state='refused' OR OLD.state='expired')"
	"  AND NEW.state<>OLD.state AND EXISTS(SELECT 1 FROM erasures"
	"  WHERE document=OLD.document AND at>0)"
	" BEGIN SELECT RAISE(ABORT,'it is erased'); END;";
