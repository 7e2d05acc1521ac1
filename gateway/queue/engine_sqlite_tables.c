/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/engine_sqlite.h"

/* Version 1. A CHECK or a trigger stands for every state that must not be; the
 * transitions are triggers too, made from the table of queue/types.c at every start. */
static const char TABLES_1[] =
	"CREATE TABLE documents("
	" document INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE CHECK(length(id)=26),"
	" partner TEXT NOT NULL CHECK(partner<>''),"
	" sha256 BLOB NOT NULL CHECK(length(sha256)=32),"
	" country TEXT NOT NULL, import_country TEXT NOT NULL, type TEXT NOT NULL,"
	" number TEXT NOT NULL, status TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK(state IN('refused','held','accepted','sealed',"
	"  'quarantined','cleared','withdrawn','replaced')),"
	" size INTEGER NOT NULL CHECK(size>=0),"
	" received INTEGER NOT NULL CHECK(received>0),"
	" held_until INTEGER NOT NULL CHECK(held_until>=0),"
	" hold_reason TEXT NOT NULL,"
	" policy_digest TEXT NOT NULL, store_version TEXT NOT NULL,"
	" correlation TEXT NOT NULL,"
	" due INTEGER NOT NULL,"
	" fence INTEGER NOT NULL DEFAULT 0 CHECK(fence>=0),"
	" attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt>=0),"
	" first_try INTEGER NOT NULL DEFAULT 0,"
	" CHECK(state='refused' OR number<>''),"
	" CHECK((state='held')=(hold_reason<>'')),"
	" CHECK(state='held' OR held_until=0)"
	") STRICT;"
	"CREATE UNIQUE INDEX documents_octets ON documents(sha256,partner)"
	" WHERE state<>'refused';"
	"CREATE UNIQUE INDEX documents_number ON documents(number,type,country,status)"
	" WHERE state<>'refused';"
	"CREATE INDEX documents_refused_octets ON documents(sha256) WHERE "
	"state='refused';"
	"CREATE INDEX documents_refused_number ON documents(number) WHERE "
	"state='refused';"
	"CREATE INDEX documents_state ON documents(state);"
	"CREATE INDEX documents_partner ON documents(partner);"
	"CREATE INDEX documents_due ON documents(due) WHERE state='accepted';"
	"CREATE INDEX documents_held ON documents(due) WHERE state='held';"

	"CREATE TABLE blobs("
	" id INTEGER PRIMARY KEY,"
	" document INTEGER NOT NULL REFERENCES documents,"
	" part INTEGER NOT NULL CHECK(part IN(2,3,4,5,6)),"
	" data BLOB NOT NULL,"
	" CHECK(id=document*8+part)"
	") STRICT;"

	"CREATE TABLE deliveries("
	" delivery INTEGER PRIMARY KEY,"
	" document INTEGER NOT NULL REFERENCES documents,"
	" destination TEXT NOT NULL CHECK(destination<>''),"
	" state TEXT NOT NULL CHECK(state IN('waiting','queued','sending','unknown',"
	"  'delivered','deferred','refused','expired','held')),"
	" held_from TEXT NOT NULL DEFAULT ''"
	"  CHECK(held_from IN('','waiting','queued','unknown')),"
	" hold INTEGER NOT NULL DEFAULT 0 CHECK(hold IN(0,1)),"
	" received INTEGER NOT NULL, due INTEGER NOT NULL,"
	" fence INTEGER NOT NULL DEFAULT 0 CHECK(fence>=0),"
	" attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt>=0),"
	" first_try INTEGER NOT NULL DEFAULT 0,"
	" updated INTEGER NOT NULL,"
	" reply_id TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',"
	" UNIQUE(document,destination),"
	" CHECK((state='held')=(held_from<>'')),"
	" CHECK(state='sending' OR hold=0),"
	" CHECK(state IN('waiting','queued','held','expired') OR fence>0)"
	") STRICT;"
	"CREATE INDEX deliveries_due ON deliveries(destination,due)"
	" WHERE state IN('queued','deferred','unknown');"
	"CREATE INDEX deliveries_sending ON deliveries(due) WHERE state='sending';"
	"CREATE INDEX deliveries_open ON deliveries(destination,state)"
	" WHERE state NOT IN('delivered','refused','expired');"

	"CREATE TABLE audit("
	" position INTEGER PRIMARY KEY CHECK(position>0),"
	" record BLOB NOT NULL,"
	" chain BLOB NOT NULL CHECK(length(chain)=32),"
	" document INTEGER REFERENCES documents"
	") STRICT;"
	"CREATE INDEX audit_document ON audit(document) WHERE document IS NOT NULL;"

	"CREATE TABLE counts("
	" kind TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,"
	" n INTEGER NOT NULL CHECK(n>=0),"
	" PRIMARY KEY(kind,name,state)"
	") STRICT, WITHOUT ROWID;";

static const char TRIGGERS_1[] =
	"CREATE TRIGGER audit_kept BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT,'audit records never change'); END;"
	"CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE(ABORT,'audit records are never deleted'); END;"
	"CREATE TRIGGER documents_never_deleted BEFORE DELETE ON documents"
	" BEGIN SELECT RAISE(ABORT,'documents are never deleted'); END;"
	"CREATE TRIGGER deliveries_never_deleted BEFORE DELETE ON deliveries"
	" BEGIN SELECT RAISE(ABORT,'deliveries are never deleted'); END;"
	"CREATE TRIGGER blobs_kept BEFORE UPDATE ON blobs"
	" BEGIN SELECT RAISE(ABORT,'blobs never change'); END;"
	"CREATE TRIGGER blobs_never_deleted BEFORE DELETE ON blobs"
	" BEGIN SELECT RAISE(ABORT,'blobs are never deleted'); END;"
	"CREATE TRIGGER documents_facts_kept BEFORE UPDATE OF document,id,partner,sha256,"
	"country,import_country,type,number,status,size,received,correlation ON documents"
	" BEGIN SELECT RAISE(ABORT,'facts of a document never change'); END;"
	"CREATE TRIGGER sealed_has_all BEFORE UPDATE OF state ON documents"
	" WHEN NEW.state='sealed' AND OLD.state<>'sealed' AND (SELECT count(*) FROM blobs"
	"  WHERE id BETWEEN NEW.document*8+2 AND NEW.document*8+5)<>4"
	" BEGIN SELECT RAISE(ABORT,'sealed without all its parts'); END;"
	"CREATE TRIGGER delivered_is_sealed BEFORE UPDATE OF state ON deliveries"
	" WHEN NEW.state "
	"IN('queued','sending','unknown','delivered','deferred','refused')"
	"  AND (SELECT state FROM documents WHERE document=NEW.document)"
	"   NOT IN('sealed','cleared','withdrawn','replaced')"
	" BEGIN SELECT RAISE(ABORT,'delivery of a document that is not sealed'); END;"
	"CREATE TRIGGER fence_documents BEFORE UPDATE OF fence ON documents"
	" WHEN NEW.fence<OLD.fence"
	" BEGIN SELECT RAISE(ABORT,'fence goes back'); END;"
	"CREATE TRIGGER fence_deliveries BEFORE UPDATE OF fence ON deliveries"
	" WHEN NEW.fence<OLD.fence"
	" BEGIN SELECT RAISE(ABORT,'fence goes back'); END;";

/* Counts are kept, not counted: a ledger of a million documents costs a few rows. */
static const char COUNTS_1[] =
	"CREATE TRIGGER count_document AFTER INSERT ON documents BEGIN"
	" INSERT INTO counts VALUES('document','',NEW.state,1)"
	"  ON CONFLICT DO UPDATE SET n=n+1; END;"
	"CREATE TRIGGER recount_document AFTER UPDATE OF state ON documents"
	" WHEN NEW.state<>OLD.state BEGIN"
	" UPDATE counts SET n=n-1 WHERE kind='document' AND name='' AND state=OLD.state;"
	" INSERT INTO counts VALUES('document','',NEW.state,1)"
	"  ON CONFLICT DO UPDATE SET n=n+1; END;"
	"CREATE TRIGGER count_delivery AFTER INSERT ON deliveries BEGIN"
	" INSERT INTO counts VALUES('delivery',NEW.destination,NEW.state,1)"
	"  ON CONFLICT DO UPDATE SET n=n+1; END;"
	"CREATE TRIGGER recount_delivery AFTER UPDATE OF state ON deliveries"
	" WHEN NEW.state<>OLD.state BEGIN"
	" UPDATE counts SET n=n-1 WHERE kind='delivery' AND name=OLD.destination"
	"  AND state=OLD.state;"
	" INSERT INTO counts VALUES('delivery',NEW.destination,NEW.state,1)"
	"  ON CONFLICT DO UPDATE SET n=n+1; END;";

/* Version 2: the ledger. What entered and left is counted twice: by these triggers from
 * the states, and by the program in flows; the two must agree. */
static const char TABLES_2[] =
	"CREATE TABLE ledger("
	" partner TEXT NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL,"
	" n INTEGER NOT NULL CHECK(n>=0),"
	" PRIMARY KEY(partner,destination,state)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE flows("
	" partner TEXT NOT NULL, destination TEXT NOT NULL,"
	" flow TEXT NOT NULL CHECK(flow IN('entered','delivered','refused','expired',"
	"  'returned')),"
	" n INTEGER NOT NULL CHECK(n>0),"
	" PRIMARY KEY(partner,destination,flow)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO ledger SELECT partner,destination,deliveries.state,count(*)"
	" FROM deliveries JOIN documents USING(document) GROUP BY 1,2,3;"
	"INSERT INTO flows SELECT partner,destination,'entered',sum(n) FROM ledger"
	" GROUP BY 1,2;"
	"INSERT INTO flows SELECT partner,destination,state,n FROM ledger"
	" WHERE state IN('delivered','refused','expired') AND n>0;";

static const char TRIGGERS_2[] =
	"CREATE TRIGGER ledger_delivery AFTER INSERT ON deliveries BEGIN"
	" INSERT INTO ledger SELECT partner,NEW.destination,NEW.state,1 FROM documents"
	"  WHERE document=NEW.document ON CONFLICT DO UPDATE SET n=n+1; END;"
	"CREATE TRIGGER ledger_delivery_next AFTER UPDATE OF state ON deliveries"
	" WHEN NEW.state<>OLD.state BEGIN"
	" UPDATE ledger SET n=n-1 WHERE destination=OLD.destination AND state=OLD.state"
	"  AND partner=(SELECT partner FROM documents WHERE document=OLD.document);"
	" INSERT INTO ledger SELECT partner,NEW.destination,NEW.state,1 FROM documents"
	"  WHERE document=NEW.document ON CONFLICT DO UPDATE SET n=n+1; END;";

/* Version 3: what partners are told, each in a sequence of its own. */
static const char TABLES_3[] =
	"CREATE TABLE outcomes("
	" partner TEXT NOT NULL, sequence INTEGER NOT NULL CHECK(sequence>0),"
	" document INTEGER NOT NULL REFERENCES documents, at INTEGER NOT NULL,"
	" event TEXT NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL,"
	" reply_id TEXT NOT NULL, detail TEXT NOT NULL,"
	" PRIMARY KEY(partner,sequence)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE outcome_cursors("
	" partner TEXT PRIMARY KEY, last INTEGER NOT NULL,"
	" acknowledged INTEGER NOT NULL CHECK(acknowledged BETWEEN 0 AND last)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO outcomes SELECT partner,"
	" row_number() OVER (PARTITION BY partner ORDER BY updated,delivery),"
	" document,updated,'delivery.'||v.state,destination,v.state,reply_id,detail"
	" FROM deliveries v JOIN documents USING(document)"
	" WHERE v.state IN('delivered','refused','expired');"
	"INSERT INTO outcome_cursors SELECT partner,max(sequence),0 FROM outcomes"
	" GROUP BY partner;";

static const char TRIGGERS_3[] =
	"CREATE TRIGGER outcomes_kept BEFORE UPDATE ON outcomes"
	" BEGIN SELECT RAISE(ABORT,'what was told never changes'); END;"
	"CREATE TRIGGER outcomes_never_deleted BEFORE DELETE ON outcomes"
	" BEGIN SELECT RAISE(ABORT,'what was told is never deleted'); END;"
	"CREATE TRIGGER outcome_cursors_rise BEFORE UPDATE ON outcome_cursors"
	" WHEN NEW.last<OLD.last OR NEW.acknowledged<OLD.acknowledged"
	" BEGIN SELECT RAISE(ABORT,'a cursor goes back'); END;";

/* Version 4: windows of maintenance, and what an operator finds deliveries by. */
static const char TABLES_4[] =
	"CREATE TABLE maintenance("
	" maintenance INTEGER PRIMARY KEY,"
	" destination TEXT NOT NULL," /* '' all */
	" since INTEGER NOT NULL CHECK(since>0),"
	" until INTEGER NOT NULL CHECK(until=0 OR until>=since)," /* 0: until ended */
	" operator TEXT NOT NULL CHECK(operator<>''),"
	" reason TEXT NOT NULL CHECK(reason<>'')"
	") STRICT;"
	"CREATE INDEX deliveries_state ON deliveries(state,delivery)"
	" WHERE state<>'delivered';";

/* Version 5: held documents are taken partner by partner, in turn, and counted. */
static const char TABLES_5[] = "CREATE INDEX documents_held_partner ON "
			       "documents(partner,due) WHERE state='held';";

/* Version 6: the same checks, conditions and triggers without lists. For IN with more
 * than two texts SQLite builds a table anew each time that a row is written, and for an
 * insert that selects another; together they were a third of what a document costs. */
static const char CHECKS_6[] =
	"PRAGMA writable_schema=ON;"
	"UPDATE sqlite_schema SET sql=replace(sql,"
	"'state IN(''refused'',''held'',''accepted'',''sealed'',"
	"  ''quarantined'',''cleared'',''withdrawn'',''replaced'')',"
	"'state=''accepted'' OR state=''sealed'' OR state=''refused'' OR state=''held'' "
	"OR"
	" state=''quarantined'' OR state=''cleared'' OR state=''withdrawn'' OR"
	" state=''replaced''') WHERE name='documents';"
	"UPDATE sqlite_schema SET sql=replace(sql,'part IN(2,3,4,5,6)',"
	"'part BETWEEN 2 AND 6') WHERE name='blobs';"
	"UPDATE sqlite_schema SET sql=replace(replace(replace(sql,"
	"'state IN(''waiting'',''queued'',''sending'',''unknown'',"
	"  ''delivered'',''deferred'',''refused'',''expired'',''held'')',"
	"'state=''waiting'' OR state=''queued'' OR state=''sending'' OR"
	" state=''delivered'' OR state=''unknown'' OR state=''deferred'' OR"
	" state=''refused'' OR state=''expired'' OR state=''held'''),"
	"'held_from IN('''',''waiting'',''queued'',''unknown'')',"
	"'held_from='''' OR held_from=''waiting'' OR held_from=''queued'' OR"
	" held_from=''unknown'''),"
	"'state IN(''waiting'',''queued'',''held'',''expired'') OR fence>0',"
	"'fence>0 OR state=''waiting'' OR state=''queued'' OR state=''held'' OR"
	" state=''expired''') WHERE name='deliveries';"
	"UPDATE sqlite_schema SET sql=replace(sql,"
	"'flow IN(''entered'',''delivered'',''refused'',''expired'',"
	"  ''returned'')',"
	"'flow=''entered'' OR flow=''delivered'' OR flow=''refused'' OR"
	" flow=''expired'' OR flow=''returned''') WHERE name='flows';"
	"PRAGMA writable_schema=RESET;";

static const char INDEXES_6[] =
	"DROP INDEX deliveries_due;"
	"CREATE INDEX deliveries_due ON deliveries(destination,due)"
	" WHERE state='queued' OR state='deferred' OR state='unknown';"
	"DROP INDEX deliveries_open;"
	"CREATE INDEX deliveries_open ON deliveries(destination,state)"
	" WHERE state<>'delivered' AND state<>'refused' AND state<>'expired';";

static const char TRIGGERS_6[] =
	"DROP TRIGGER delivered_is_sealed;"
	"CREATE TRIGGER delivered_is_sealed BEFORE UPDATE OF state ON deliveries"
	" WHEN (NEW.state='queued' OR NEW.state='sending' OR NEW.state='unknown' OR"
	"  NEW.state='delivered' OR NEW.state='deferred' OR NEW.state='refused')"
	"  AND NOT EXISTS(SELECT 1 FROM documents WHERE document=NEW.document AND"
	"   (state='sealed' OR state='cleared' OR state='withdrawn' OR"
	"   state='replaced'))"
	" BEGIN SELECT RAISE(ABORT,'delivery of a document that is not sealed'); END;"
	"DROP TRIGGER ledger_delivery;"
	"CREATE TRIGGER ledger_delivery AFTER INSERT ON deliveries BEGIN"
	" INSERT INTO ledger VALUES((SELECT partner FROM documents"
	"  WHERE document=NEW.document),NEW.destination,NEW.state,1)"
	"  ON CONFLICT DO UPDATE SET n=n+1; END;"
	"DROP TRIGGER ledger_delivery_next;"
	"CREATE TRIGGER ledger_delivery_next AFTER UPDATE OF state ON deliveries"
	" WHEN NEW.state<>OLD.state BEGIN"
	" UPDATE ledger SET n=n-1 WHERE destination=OLD.destination AND state=OLD.state"
	"  AND partner=(SELECT partner FROM documents WHERE document=OLD.document);"
	" INSERT INTO ledger VALUES((SELECT partner FROM documents"
	"  WHERE document=NEW.document),NEW.destination,NEW.state,1)"
	"  ON CONFLICT DO UPDATE SET n=n+1; END;";

/* Version 7: what a document says about earlier ones (relations), which ones that were
 * (related), and how many deliveries ended with that. */
static const char TABLES_7[] =
	"CREATE TABLE relations("
	" document INTEGER PRIMARY KEY REFERENCES documents,"
	" relation TEXT NOT NULL CHECK(relation IN('withdraws','replaces')),"
	" number TEXT NOT NULL CHECK(number<>'')"
	") STRICT;"
	"CREATE TABLE related("
	" document INTEGER NOT NULL REFERENCES documents,"
	" original INTEGER NOT NULL REFERENCES documents CHECK(original<document),"
	" PRIMARY KEY(document,original)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX related_original ON related(original);"
	"CREATE TABLE withdrawn("
	" partner TEXT NOT NULL, destination TEXT NOT NULL,"
	" n INTEGER NOT NULL CHECK(n>0),"
	" PRIMARY KEY(partner,destination)"
	") STRICT, WITHOUT ROWID;";

static const char TRIGGERS_7[] =
	"CREATE TRIGGER relations_kept BEFORE UPDATE ON relations"
	" BEGIN SELECT RAISE(ABORT,'what a document says never changes'); END;"
	"CREATE TRIGGER relations_never_deleted BEFORE DELETE ON relations"
	" BEGIN SELECT RAISE(ABORT,'what a document says is never deleted'); END;"
	"CREATE TRIGGER related_kept BEFORE UPDATE ON related"
	" BEGIN SELECT RAISE(ABORT,'a replacement stands'); END;"
	"CREATE TRIGGER related_never_deleted BEFORE DELETE ON related"
	" BEGIN SELECT RAISE(ABORT,'a replacement stands'); END;";

/* Version 8: octets are found by the start of their hash; engine_sqlite_octets.c says how
 * and keeps the promise that the index made. */
static const char TABLES_8[] =
	"CREATE TABLE octets("
	" hash BLOB NOT NULL CHECK(length(hash)=8), document INTEGER NOT NULL,"
	" PRIMARY KEY(hash,document)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE octets_upto("
	" document INTEGER NOT NULL," /* all up to it are in octets */
	" round INTEGER NOT NULL,"    /* and when this round is whole, up to this one */
	" hash BLOB NOT NULL, at INTEGER NOT NULL" /* moved last in this round */
	") STRICT;"
	"INSERT INTO octets SELECT substr(sha256,1,8),document FROM documents"
	" WHERE state<>'refused' ORDER BY 1,2;"
	"INSERT INTO octets_upto SELECT "
	"coalesce(max(document),0),coalesce(max(document),0),"
	"zeroblob(8),0 FROM documents;"
	"DROP INDEX documents_octets;";

/* Version 9: containers that are augmented (renewals: to what level they are, when there
 * is more to do, 0: nothing), and each that was made so; the first is among the blobs. */
static const char TABLES_9[] =
	"CREATE TABLE renewals("
	" document INTEGER PRIMARY KEY REFERENCES documents,"
	" level TEXT NOT NULL CHECK(level='B' OR level='T' OR level='LT' OR level='LTA'),"
	" since INTEGER NOT NULL, due INTEGER NOT NULL CHECK(due>=0),"
	" fence INTEGER NOT NULL DEFAULT 0 CHECK(fence>=0),"
	" attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt>=0)"
	") STRICT;"
	"CREATE INDEX renewals_due ON renewals(due) WHERE due>0;"
	"CREATE INDEX renewals_b ON renewals(since) WHERE level='B' AND due>0;"
	"CREATE TABLE containers("
	" document INTEGER NOT NULL REFERENCES documents,"
	" version INTEGER NOT NULL CHECK(version>0),"
	" at INTEGER NOT NULL, level TEXT NOT NULL, data BLOB NOT NULL,"
	" PRIMARY KEY(document,version)"
	") STRICT;";

static const char TRIGGERS_9[] =
	"CREATE TRIGGER containers_kept BEFORE UPDATE ON containers"
	" BEGIN SELECT RAISE(ABORT,'containers never change'); END;"
	"CREATE TRIGGER containers_never_deleted BEFORE DELETE ON containers"
	" BEGIN SELECT RAISE(ABORT,'containers are never deleted'); END;"
	"CREATE TRIGGER fence_renewals BEFORE UPDATE OF fence ON renewals"
	" WHEN NEW.fence<OLD.fence"
	" BEGIN SELECT RAISE(ABORT,'fence goes back'); END;";

/* Version 10: who is calling a partner back, or when that may be tried again. */
static const char TABLES_10[] =
	"CREATE TABLE callbacks("
	" partner TEXT PRIMARY KEY CHECK(partner<>''),"
	" due INTEGER NOT NULL CHECK(due>=0),"
	" fence INTEGER NOT NULL CHECK(fence>0),"
	" attempt INTEGER NOT NULL CHECK(attempt>=0)"
	") STRICT;"
	"CREATE TRIGGER fence_callbacks BEFORE UPDATE ON callbacks"
	" WHEN NEW.fence<=OLD.fence OR NEW.partner<>OLD.partner"
	" BEGIN SELECT RAISE(ABORT,'fence goes back'); END;"
	"CREATE TRIGGER callbacks_never_deleted BEFORE DELETE ON callbacks"
	" BEGIN SELECT RAISE(ABORT,'fence goes back'); END;";

/* Version 11: documents of a sandbox. */
static const char CHECKS_11[] =
	"PRAGMA writable_schema=ON;"
	"UPDATE sqlite_schema SET sql=replace(sql,"
	"' state=''replaced''',' state=''replaced'' OR state=''sandbox''')"
	" WHERE name='documents';"
	"PRAGMA writable_schema=RESET;";

/* Version 12: partners take turns with what is to be sealed and delivered, too. */
static const char TABLES_12[] =
	"ALTER TABLE deliveries ADD COLUMN partner TEXT NOT NULL DEFAULT '';"
	"UPDATE deliveries SET partner=(SELECT partner FROM documents"
	" WHERE documents.document=deliveries.document);"
	"CREATE TRIGGER deliveries_partner_kept BEFORE UPDATE OF partner ON deliveries"
	" BEGIN SELECT RAISE(ABORT,'whose a delivery is never changes'); END;"
	"DROP INDEX deliveries_due;"
	"CREATE INDEX deliveries_turn ON deliveries(destination,partner,due)"
	" WHERE state='queued' OR state='deferred' OR state='unknown';"
	"DROP INDEX documents_due;"
	"CREATE INDEX documents_seal ON documents(partner,due) WHERE state='accepted';"
	"DROP INDEX documents_held;";

/* Version 13: is a partner being called, or is only its time awaited? */
static const char TABLES_13[] =
	"ALTER TABLE callbacks ADD COLUMN held INTEGER NOT NULL DEFAULT 0"
	" CHECK(held BETWEEN 0 AND 1);";

/* Version 15: evidence records of held documents; due 0: there is one, or no need. */
static const char TABLES_15[] =
	"CREATE TABLE stamps("
	" document INTEGER PRIMARY KEY REFERENCES documents,"
	" due INTEGER NOT NULL CHECK(due>=0),"
	" fence INTEGER NOT NULL DEFAULT 0 CHECK(fence>=0),"
	" attempt INTEGER NOT NULL DEFAULT 0 CHECK(attempt>=0),"
	" record BLOB CHECK(record IS NULL OR length(record)>0)"
	") STRICT;"
	"CREATE INDEX stamps_due ON stamps(due) WHERE due>0;"
	"INSERT INTO stamps(document,due) SELECT document,received FROM documents"
	" WHERE state='held';";

static const char TRIGGERS_15[] =
	"CREATE TRIGGER stamps_kept BEFORE UPDATE OF record ON stamps"
	" WHEN OLD.record IS NOT NULL"
	" BEGIN SELECT RAISE(ABORT,'evidence records never change'); END;"
	"CREATE TRIGGER stamps_never_deleted BEFORE DELETE ON stamps"
	" BEGIN SELECT RAISE(ABORT,'evidence records are never deleted'); END;"
	"CREATE TRIGGER fence_stamps BEFORE UPDATE OF fence ON stamps"
	" WHEN NEW.fence<=OLD.fence"
	" BEGIN SELECT RAISE(ABORT,'fence goes back'); END;";

/* Version 16: what may be worked on stands in line (due is 0) by urgency and rank, what
 * must wait by its time. What was there before is of the middle urgency and first. */
static const char TABLES_16[] =
	"ALTER TABLE documents ADD COLUMN urgency INTEGER NOT NULL DEFAULT 2"
	" CHECK(urgency BETWEEN 1 AND 3);"
	"ALTER TABLE documents ADD COLUMN rank INTEGER NOT NULL DEFAULT 0"
	" CHECK(rank>=0);"
	"ALTER TABLE documents ADD COLUMN share INTEGER NOT NULL DEFAULT 1"
	" CHECK(share BETWEEN 1 AND 16);"
	"ALTER TABLE deliveries ADD COLUMN urgency INTEGER NOT NULL DEFAULT 2"
	" CHECK(urgency BETWEEN 1 AND 3);"
	"ALTER TABLE deliveries ADD COLUMN rank INTEGER NOT NULL DEFAULT 0"
	" CHECK(rank>=0);"
	"ALTER TABLE deliveries ADD COLUMN share INTEGER NOT NULL DEFAULT 1"
	" CHECK(share BETWEEN 1 AND 16);"
	"DROP INDEX deliveries_turn;"
	"CREATE INDEX deliveries_line ON deliveries(destination,urgency,partner,rank)"
	" WHERE due=0 AND (state='queued' OR state='deferred' OR state='unknown');"
	"CREATE INDEX deliveries_later ON deliveries(destination,due)"
	" WHERE due>0 AND (state='queued' OR state='deferred' OR state='unknown');"
	"DROP INDEX documents_seal;"
	"CREATE INDEX documents_line ON documents(state,urgency,partner,rank)"
	" WHERE due=0 AND (state='accepted' OR state='held');"
	"CREATE INDEX documents_later ON documents(state,due)"
	" WHERE due>0 AND (state='accepted' OR state='held');";

static const char TRIGGERS_16[] =
	"CREATE TRIGGER documents_line_kept BEFORE UPDATE OF urgency,rank,share"
	" ON documents BEGIN SELECT RAISE(ABORT,'a place in line is kept'); END;"
	"CREATE TRIGGER deliveries_line_kept BEFORE UPDATE OF urgency,rank,share"
	" ON deliveries BEGIN SELECT RAISE(ABORT,'a place in line is kept'); END;";

/* A row takes the version of its index to the next; a released one never changes. */
#define MIGRATION_TEXTS 4
static const char *const MIGRATIONS[][MIGRATION_TEXTS] = {
	{ TABLES_1, TRIGGERS_1, COUNTS_1 },
	{ TABLES_2, TRIGGERS_2 },
	{ TABLES_3, TRIGGERS_3 },
	{ TABLES_4 },
	{ TABLES_5 },
	{ CHECKS_6, INDEXES_6, TRIGGERS_6 },
	{ TABLES_7, TRIGGERS_7 },
	{ TABLES_8 },
	{ TABLES_9, TRIGGERS_9 },
	{ TABLES_10 },
	{ CHECKS_11 },
	{ TABLES_12 },
	{ TABLES_13 },
	{ ERASURE_TABLES, ERASURE_TRIGGERS, ERASURE_RULES },
	{ TABLES_15, TRIGGERS_15 },
	{ TABLES_16, TRIGGERS_16 },
	{ PAPER_TABLES, PAPER_TRIGGERS },
	{ CALENDAR_TABLES },
	{ READING_TABLES },
	{ SENT_INDEX },
	{ SENT_FORM },
	{ SENT_DOUBT },
	{ REVIEW_TABLES },
	{ RENEWAL_INDEX },
};

const char *schema_text(int version, int index)
{
	if (version < 0 || version >= schema_versions() || index >= MIGRATION_TEXTS)
		return NULL;
	return MIGRATIONS[version][index];
}

int schema_versions(void)
{
	return (int)(sizeof(MIGRATIONS) / sizeof(MIGRATIONS[0]));
}
