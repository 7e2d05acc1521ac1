/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which documents have these octets? An index of all hashes would have a leaf of its own
 * written for every document, at random. So the newest are kept in a table in memory
 * (temp.recent, made anew at every start), and moved from there into the table on disk in
 * the order of their hashes, a few with each transaction, round and round: several at a
 * time have a leaf in common. What the memory holds is in the documents behind
 * octets_upto, whatever happens to the process.
 */
#include "queue/engine_sqlite.h"

#include <string.h>

/* Triggers of this connection, as memory is: a document of which a partner's octets are
 * known already is refused here, too, not only by who looks first. */
#define KNOWN(from)                                                                      \
	"EXISTS(SELECT 1 FROM " from " k CROSS JOIN documents d USING(document)"         \
	" WHERE k.hash=substr(NEW.sha256,1,8) AND d.sha256=NEW.sha256"                   \
	" AND d.partner=NEW.partner AND d.state<>'refused')"
static const char MEMORY[] =
	"CREATE TEMP TABLE recent(hash BLOB NOT NULL, document INTEGER NOT NULL,"
	" PRIMARY KEY(hash,document)) WITHOUT ROWID;"
	"INSERT INTO recent SELECT substr(sha256,1,8),document FROM documents"
	" WHERE document>(SELECT document FROM octets_upto) AND state<>'refused';"
	"CREATE TEMP TRIGGER octets_once BEFORE INSERT ON documents"
	" WHEN NEW.state<>'refused' AND (" KNOWN("recent") " OR " KNOWN(
		"octets") ")"
			  " BEGIN SELECT RAISE(ABORT,'the same octets twice'); END;"
			  "CREATE TEMP TRIGGER octets_recent AFTER INSERT ON documents"
			  " WHEN NEW.state<>'refused' BEGIN"
			  " INSERT INTO recent VALUES(substr(NEW.sha256,1,8),"
			  "NEW.document);"
			  " END;";

#define HAVING(from)                                                                     \
	"SELECT " DOCUMENT_COLUMNS " FROM " from " CROSS JOIN documents USING(document)" \
	" WHERE hash=substr(?1,1,8) AND sha256=?1 AND state<>'refused'"
static const char FIND[] =
	HAVING("recent") " AND partner=?2 UNION ALL " HAVING("octets") " AND partner=?2";
/* What was moved and is read into memory again by a later start stands in both. */
static const char EXPLAIN[] = HAVING("recent") " UNION ALL " HAVING(
	"octets") " AND NOT EXISTS(SELECT 1 FROM recent r WHERE r.hash=octets.hash"
		  " AND r.document=octets.document)"
		  " UNION ALL SELECT " DOCUMENT_COLUMNS
		  " FROM documents WHERE state='refused' AND sha256=?1 LIMIT ?2";

const char *octets_statement(enum statement which)
{
	switch ((int)which) {
	case SQL_FIND_HASH:
		return FIND;
	case SQL_EXPLAIN_HASH:
		return EXPLAIN;
	default:
		return NULL;
	}
}

static const char *const TEXTS[OCTETS_STATEMENTS] = {
	[OCTETS_NEWEST] = "SELECT coalesce(max(document),0) FROM documents",
	[OCTETS_COUNT] = "SELECT count(*) FROM recent",
	[OCTETS_LAST] = "SELECT hash,document FROM recent WHERE (hash,document)>(?1,?2)"
			" ORDER BY hash,document LIMIT 1 OFFSET ?3",
	[OCTETS_KEEP] = "INSERT OR IGNORE INTO octets SELECT hash,document FROM recent"
			" WHERE (hash,document)>(?1,?2) AND (hash,document)<=(?3,?4)",
	[OCTETS_DROP] = "DELETE FROM recent"
			" WHERE (hash,document)>(?1,?2) AND (hash,document)<=(?3,?4)",
	[OCTETS_ROUND] = "SELECT document,round,hash,at FROM octets_upto",
	[OCTETS_MOVED] = "UPDATE octets_upto SET hash=?1,at=?2,document=?3,round=?4",
};

/* The one number that a statement selects. Return: 0 or negative. */
static int number(struct engine_sqlite *s, enum octets_statement which, int64_t *ret)
{
	sqlite3_stmt *q = s->octets.statements[which];
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	return rc == SQLITE_ROW ? 0 : sqlite_failed(s, rc);
}

/* Go on with the round where an earlier process left it. */
static int read_round(struct engine_sqlite *s)
{
	sqlite3_stmt *q = s->octets.statements[OCTETS_ROUND];
	struct octets_sweep *now = &s->octets.now;
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 2) == sizeof(now->at.hash)) {
		now->upto = sqlite3_column_int64(q, 0);
		now->round = sqlite3_column_int64(q, 1);
		memcpy(now->at.hash, sqlite3_column_blob(q, 2), sizeof(now->at.hash));
		now->at.document = sqlite3_column_int64(q, 3);
	}
	sqlite3_reset(q);
	return rc == SQLITE_ROW ? 0 : sqlite_failed(s, rc);
}

int octets_open(struct engine_sqlite *s)
{
	struct octets *o = &s->octets;
	int r = sqlite_exec(s, MEMORY);

	for (int i = 0; r == 0 && i < OCTETS_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(s->db, TEXTS[i], -1,
			SQLITE_PREPARE_PERSISTENT, &o->statements[i], NULL);

		r = rc == SQLITE_OK ? 0 : sqlite_failed(s, rc);
	}
	o->room = OCTETS_ROOM;
	if (r == 0)
		r = number(s, OCTETS_NEWEST, &o->now.newest);
	if (r == 0)
		r = number(s, OCTETS_COUNT, &o->now.recent);
	return r < 0 ? r : read_round(s);
}

void octets_close(struct engine_sqlite *s)
{
	for (int i = 0; i < OCTETS_STATEMENTS; i++)
		sqlite3_finalize(s->octets.statements[i]);
}

static void bind_entry(sqlite3_stmt *q, int i, const struct octets_entry *entry)
{
	sqlite3_bind_blob(q, i, entry->hash, sizeof(entry->hash), SQLITE_STATIC);
	sqlite3_bind_int64(q, i + 1, entry->document);
}

static int run(struct engine_sqlite *s, enum octets_statement which)
{
	sqlite3_stmt *q = s->octets.statements[which];
	int rc = sqlite3_step(q);

	sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : sqlite_failed(s, rc);
}

/* The entry that is `count` behind `at` in the order of hashes.
 * Return: 1, 0 there are fewer: then all that are left are meant, negative. */
static int last_entry(struct engine_sqlite *s, const struct octets_entry *at,
	int64_t count, struct octets_entry *ret)
{
	sqlite3_stmt *q = s->octets.statements[OCTETS_LAST];
	int rc;

	memset(ret->hash, 0xFF, sizeof(ret->hash));
	ret->document = INT64_MAX;
	bind_entry(q, 1, at);
	sqlite3_bind_int64(q, 3, count - 1);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == sizeof(ret->hash)) {
		memcpy(ret->hash, sqlite3_column_blob(q, 0), sizeof(ret->hash));
		ret->document = sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sqlite_failed(s, rc);
}

static int run_between(struct engine_sqlite *s, enum octets_statement which,
	const struct octets_entry *after, const struct octets_entry *last)
{
	bind_entry(s->octets.statements[which], 1, after);
	bind_entry(s->octets.statements[which], 3, last);
	return run(s, which);
}

static int write_round(struct engine_sqlite *s)
{
	const struct octets_sweep *next = &s->octets.next;
	sqlite3_stmt *q = s->octets.statements[OCTETS_MOVED];

	bind_entry(q, 1, &next->at);
	sqlite3_bind_int64(q, 3, next->upto);
	sqlite3_bind_int64(q, 4, next->round);
	return run(s, OCTETS_MOVED);
}

/* What was there when the round began is on the disk now. */
static int end_round(struct engine_sqlite *s)
{
	struct octets_sweep *next = &s->octets.next;

	next->upto = next->round;
	next->round = next->newest;
	next->at = (struct octets_entry){ 0 };
	return number(s, OCTETS_COUNT, &next->recent);
}

static int move(struct engine_sqlite *s, int64_t count)
{
	struct octets_sweep *next = &s->octets.next;
	struct octets_entry last;
	int more = last_entry(s, &next->at, count, &last), r = more;

	if (r >= 0)
		r = run_between(s, OCTETS_KEEP, &next->at, &last);
	if (r == 0)
		r = run_between(s, OCTETS_DROP, &next->at, &last);
	if (r < 0)
		return r;
	next->recent -= count;
	next->at = last;
	if (!more)
		r = end_round(s);
	return r < 0 ? r : write_round(s);
}

int octets_sweep(struct engine_sqlite *s)
{
	struct octets_sweep *next = &s->octets.next;
	int64_t added;
	int r;

	*next = s->octets.now;
	r = number(s, OCTETS_NEWEST, &next->newest);
	added = next->newest - s->octets.now.newest;
	if (r < 0 || added <= 0)
		return r;
	next->recent += added;
	if (next->recent <= s->octets.room)
		return 0;
	return move(s, 2 * added);
}

void octets_swept(struct engine_sqlite *s)
{
	s->octets.now = s->octets.next;
}
