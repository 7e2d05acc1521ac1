/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/buf.h"
#include "queue/engine_sqlite.h"

#include <errno.h>
#include <stdio.h>

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

/* A row of MIGRATIONS takes the version of its index to the next; a released one never
 * changes. */
#define MIGRATION_TEXTS 4
static const char *const MIGRATIONS[][MIGRATION_TEXTS] = {
	{ TABLES_1, TRIGGERS_1, COUNTS_1 },
};

#define VERSIONS ((int)(sizeof(MIGRATIONS) / sizeof(MIGRATIONS[0])))

int engine_schema(void)
{
	return VERSIONS;
}

static int read_version(struct engine *e, int *ret_version)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(e->db, "PRAGMA user_version", -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret_version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : sql_failed(e, rc);
}

static int migrate(struct engine *e, int from)
{
	char pragma[64];
	int r = 0;

	for (int v = from; v < VERSIONS; v++)
		for (int i = 0; r == 0 && i < MIGRATION_TEXTS && MIGRATIONS[v][i]; i++)
			r = sql_exec(e, MIGRATIONS[v][i]);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", VERSIONS);
	return r < 0 ? r : sql_exec(e, pragma);
}

#define TRIGGER_MAX (64u * 1024)

/* A table whose state column follows a table of transitions. */
struct machine {
	const char *table;
	unsigned states;
	const char *(*text)(unsigned state);
	bool (*may)(unsigned from, unsigned to);
};

static const char *document_text(unsigned s)
{
	return document_state_text((enum document_state)s);
}

static bool document_may(unsigned from, unsigned to)
{
	return document_may_become((enum document_state)from, (enum document_state)to);
}

static const char *delivery_text(unsigned s)
{
	return delivery_state_text((enum delivery_state)s);
}

static bool delivery_may(unsigned from, unsigned to)
{
	return delivery_may_become((enum delivery_state)from, (enum delivery_state)to);
}

/* "NEW.state IN('a','b')" of what may follow a state. */
static void add_successors(struct buf *b, unsigned from, const struct machine *m)
{
	const char *comma = "";

	buf_add_str(b, "NEW.state IN(");
	for (unsigned to = 1; to < m->states; to++) {
		if (!m->may(from, to))
			continue;
		buf_addf(b, "%s'%s'", comma, m->text(to));
		comma = ",";
	}
	buf_add_str(b, ")");
}

/* Is the trigger there with exactly this text? Return: 1, 0, negative. */
static int trigger_is(struct engine *e, const char *name, const char *text)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(e->db,
		"SELECT 1 FROM sqlite_schema WHERE type='trigger' AND name=?1 AND sql=?2",
		-1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sql_failed(e, rc);
}

/* Write only what differs: a start on a full disk must not need room. */
static int set_trigger(struct engine *e, const char *name, const struct buf *text)
{
	char drop[128];
	int r = text->error ? text->error : trigger_is(e, name, text->data);

	if (r != 0)
		return r < 0 ? r : 0;
	snprintf(drop, sizeof(drop), "DROP TRIGGER IF EXISTS %s", name);
	r = sql_exec(e, drop);
	return r < 0 ? r : sql_exec(e, text->data);
}

/* The triggers that refuse what the table does not allow. */
static int transition_triggers(struct engine *e, const struct machine *m)
{
	_cleanup_buf_ struct buf start, next;
	char start_name[64], next_name[64];
	int r;

	snprintf(start_name, sizeof(start_name), "%s_start", m->table);
	snprintf(next_name, sizeof(next_name), "%s_next", m->table);
	buf_init(&start, TRIGGER_MAX);
	buf_init(&next, TRIGGER_MAX);
	buf_addf(&start, "CREATE TRIGGER %s BEFORE INSERT ON %s WHEN NOT (", start_name,
		m->table);
	add_successors(&start, 0, m);
	buf_add_str(&start, ") BEGIN SELECT RAISE(ABORT,'illegal first state'); END");
	buf_addf(&next,
		"CREATE TRIGGER %s BEFORE UPDATE OF state ON %s"
		" WHEN NEW.state<>OLD.state AND NOT (0",
		next_name, m->table);
	for (unsigned from = 1; from < m->states; from++) {
		buf_addf(&next, " OR (OLD.state='%s' AND ", m->text(from));
		add_successors(&next, from, m);
		buf_add_str(&next, ")");
	}
	buf_add_str(&next, ") BEGIN SELECT RAISE(ABORT,'illegal transition'); END");
	r = set_trigger(e, start_name, &start);
	return r < 0 ? r : set_trigger(e, next_name, &next);
}

static const struct machine DOCUMENTS = { "documents", DOCUMENT_STATES, document_text,
	document_may };
static const struct machine DELIVERIES = { "deliveries", DELIVERY_STATES, delivery_text,
	delivery_may };

static int update_in_transaction(struct engine *e)
{
	int version = 0, r = read_version(e, &version);

	if (r < 0)
		return r;
	if (version > VERSIONS) {
		snprintf(e->failure_text, sizeof(e->failure_text),
			"the database has schema version %d, this program knows up to %d",
			version, VERSIONS);
		return -EPROTONOSUPPORT;
	}
	if (version < VERSIONS)
		r = migrate(e, version);
	if (r == 0)
		r = transition_triggers(e, &DOCUMENTS);
	if (r == 0)
		r = transition_triggers(e, &DELIVERIES);
	return r;
}

int schema_update(struct engine *e)
{
	int r = sql_exec(e, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = update_in_transaction(e);
	if (r == 0)
		return sql_exec(e, "COMMIT");
	sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
