/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside the SQLite engine: its state, its statements and how they are run; never
 * included outside the engine_sqlite_*.c files.
 */
#ifndef SEALGATE_QUEUE_ENGINE_SQLITE_H
#define SEALGATE_QUEUE_ENGINE_SQLITE_H

#include "queue/engine.h"

#include <jansson.h>
#include <sqlite3.h>

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "queue/statements.def"
#undef STATEMENT
	SQL_COUNT,
};

/* Where the round stands that compares every row with its records. */
struct ledger_walk {
	sqlite3_int64 document; /* the last one looked at */
	int64_t position;	/* records looked at */
	int64_t rounds;		/* whole ones */
	int64_t documents;	/* of the last whole round */
	json_t *found;		/* what this round has found, or NULL */
	json_t *standing;	/* what the last whole round found, or NULL */
};

/* A copy that is being made or waits to be taken. */
struct engine_copy {
	sqlite3 *db;
	sqlite3_backup *backup;
	char path[4096];
	struct engine_backup state;
};

struct engine {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	enum engine_failure failure;
	char failure_text[256];
	bool in_transaction;
	int log_frames;		      /* in the write-ahead log */
	struct engine_head head;      /* with what the open transaction has added */
	struct engine_head committed; /* what is durable */
	struct engine_head marked;    /* at engine_mark */
	struct ledger_walk walk;
	struct engine_copy copy;
	int64_t seal_asked, forward_asked;    /* seconds of the last claim, 0 none */
	char held_partner[PARTNER_NAME_SIZE]; /* whose held document was claimed last */
	char aside[DOCUMENT_ID_SIZE];	      /* for engine_set_aside() */
};

/* A part's place in the blobs table. */
static inline sqlite3_int64 blob_id(sqlite3_int64 document, enum queue_part part)
{
	return document * 8 + (sqlite3_int64)part;
}

/* Bind by format and return the statement, to be reset by the caller's
 * _cleanup_statement_: t text, i int64_t, b span as a blob. NULL after a failure. */
sqlite3_stmt *sql_bind(struct engine *e, enum statement which, const char *format, ...);

/* Step. Return: 1 a row, 0 done, -EINVAL a constraint, other negative a failure. */
int sql_step(struct engine *e, sqlite3_stmt *s);

/* Bind and run a statement that returns no rows. Return: 0 or negative. */
int sql_run(struct engine *e, enum statement which, const char *format, ...);

/* Record an SQLite result code. Return: -EINVAL for a constraint, else -EIO or the like
 * with e->failure set. */
int sql_failed(struct engine *e, int code);

/* Run text with any number of statements. Return: 0 or negative. */
int sql_exec(struct engine *e, const char *text);

/* Copy a text column into an array, which is zeroed past it. */
void sql_text(sqlite3_stmt *s, int column, char *ret_text, size_t size);

static inline void sql_resetp(sqlite3_stmt **s)
{
	if (*s) {
		sqlite3_reset(*s);
		sqlite3_clear_bindings(*s);
	}
}
#define _cleanup_statement_ _cleanup_(sql_resetp)

/* schema: bring the database to the newest version, make the transition triggers. */
int schema_update(struct engine *e);

/* The texts that take a database from a version to the next, NULL after the last; how
 * many versions there are. */
const char *schema_text(int version, int index);
int schema_versions(void);

/* blobs; the report of a later verdict has a place of its own */
#define BLOB_LATER_REPORT ((enum queue_part)6)

int blob_write(
	struct engine *e, sqlite3_int64 document, enum queue_part part, struct span data);
int blob_read(struct engine *e, sqlite3_int64 document, enum queue_part part, size_t max,
	int *ret_fd); /* QUEUE_DONE, QUEUE_NOT_FOUND */

/* The same; of a report the latest. */
int part_read(struct engine *e, sqlite3_int64 document, enum queue_part part, size_t max,
	int *ret_fd);

/* A row of documents with what the protocol does not carry. */
struct document_row {
	sqlite3_int64 key;
	struct queue_document document;
	char correlation[64];
	int64_t due;
	uint64_t fence;
	uint32_t attempt;
	int64_t first_try;
};

/* The columns that DOCUMENT_COLUMNS selects. */
#define DOCUMENT_COLUMNS                                                                 \
	"document,id,partner,sha256,country,import_country,type,number,status,state,"    \
	"size,received,held_until,hold_reason,policy_digest,store_version,correlation,"  \
	"due,fence,attempt,first_try"
void document_read(sqlite3_stmt *s, struct document_row *ret_row);

/* By id. QUEUE_DONE, QUEUE_NOT_FOUND, negative. */
int document_find(struct engine *e, const char *id, struct document_row *ret_row);

/* By id, when it is still claimed under this fence; else QUEUE_STALE. */
int document_claimed(
	struct engine *e, const char *id, uint64_t fence, struct document_row *ret_row);

/* The one place where a document's state changes. QUEUE_DONE, QUEUE_ILLEGAL, negative. */
int document_become(
	struct engine *e, struct document_row *d, enum document_state to, int64_t due);

struct delivery_row {
	sqlite3_int64 key;
	sqlite3_int64 document;
	char destination[DESTINATION_NAME_SIZE];
	enum delivery_state state;
	enum delivery_state held_from; /* where a hold will be released to */
	bool hold; /* hold as soon as the attempt under way has ended */
	int64_t received;
	int64_t due;
	uint64_t fence;
	uint32_t attempt;
	int64_t first_try;
};

#define DELIVERY_COLUMNS                                                                 \
	"delivery,document,destination,state,held_from,hold,received,due,fence,attempt," \
	"first_try"
#define DELIVERY_COLUMNS_V                                                               \
	"v.delivery,v.document,v.destination,v.state,v.held_from,v.hold,v.received,"     \
	"v.due,v.fence,v.attempt,v.first_try"
void delivery_read(sqlite3_stmt *s, struct delivery_row *ret_row);
int delivery_find(struct engine *e, sqlite3_int64 document, const char *destination,
	struct delivery_row *ret_row);

/* All of a document, at most QUEUE_DELIVERIES_MAX. Return: how many or negative. */
int delivery_all(struct engine *e, sqlite3_int64 document,
	struct delivery_row ret_rows[QUEUE_DELIVERIES_MAX]);

/* The one place where a delivery's state changes: checks the table, writes the whole row.
 */
int delivery_become(
	struct engine *e, struct delivery_row *d, enum delivery_state to, int64_t now);

/* A row whose parts are missing or too large would be claimed first for ever, and nothing
 * behind it: it is moved aside, with a record, and the next one is claimed. */
#define SET_ASIDE_MAX 8	     /* in one claim */
#define SET_ASIDE_S 3600     /* until one that cannot be moved elsewhere comes again */
bool row_spoiled(int error); /* by the row itself, not for want of memory */
int document_set_aside(struct engine *e, int64_t now, struct document_row *d);
int delivery_set_aside(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d, bool unknown);
/* Of a held document: comes again later, and is refused at the end of its hold. */
int held_set_aside(struct engine *e, int64_t now, struct document_row *d);

/* The same for the end of an attempt, with its audit record; takes over detail. A hold
 * that waited for this end takes effect. d->due is set by the caller. */
int delivery_settle(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d, enum delivery_state to, const char *actor,
	json_t *detail);

/* One more of a partner and destination took this way: entered, delivered, refused,
 * expired, returned (from refused or expired). */
int flow_count(struct engine *e, sqlite3_int64 document, const char *destination,
	const char *flow);
int ledger_rows(struct engine *e, json_t **ret_rows, bool *ret_balanced);
void ledger_walk_done(struct engine *e);

/* What the partner is told of its document, in the order of its feed. */
struct outcome {
	const char *event;	 /* "document.sealed", "delivery.delivered" ... */
	const char *destination; /* NULL: of the whole document */
	const char *state;
	const char *reply_id, *detail; /* NULL: none */
};
int outcome_add(struct engine *e, int64_t now, const struct document_row *d,
	const struct outcome *o);

/* What a document says about earlier ones; relation RELATION_NONE: nothing. */
struct relation_row {
	enum document_relation relation;
	char number[DOCUMENT_NUMBER_SIZE];
};
int relation_insert(
	struct engine *e, sqlite3_int64 document, const struct queue_submission *s);
int relation_read(struct engine *e, sqlite3_int64 document, struct relation_row *ret_row);

/* The document is accepted: earlier ones of its partner are withdrawn or replaced, what
 * of them was not sent yet never will be, and whoever has one gets this one too. Return:
 * 0 or negative. */
int relation_take_effect(struct engine *e, int64_t now, const struct document_row *d);

/* In sequence: does a delivery of an original there come first? Return: 1, 0, negative.
 */
int relation_waits(struct engine *e, sqlite3_int64 document, const char *destination);

/* A delivery has come to its end: what waited for it goes. Return: 0 or negative. */
int relation_let_followers_go(
	struct engine *e, int64_t now, const struct delivery_row *d);

/* Is the document withdrawn or replaced, so that it is not sent there any more? Return:
 * 1, 0, negative. relation_end: then its delivery ends. Return: 0 or negative. */
int relation_ended(
	struct engine *e, const struct document_row *doc, const struct delivery_row *d);
int relation_end(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d);

/* What a destination called the original, or "". Return: 0 or negative. */
int relation_original_reply(struct engine *e, sqlite3_int64 document,
	const char *destination, char ret_reply[DOCUMENT_REPLY_SIZE]);

/* What waited may be claimed; what an operator holds stays held, but for later. Return:
 * QUEUE_DONE or as delivery_become. */
int delivery_queue(struct engine *e, int64_t now, struct delivery_row *d);

/* The document of a delivery. Return: 0 or negative. */
int delivery_document(
	struct engine *e, const struct delivery_row *d, struct document_row *ret_row);

/* An operator's act on one delivery. Return: 1 changed, 0 no effect here, negative. */
int delivery_act(
	struct engine *e, int64_t now, enum queue_control verb, struct delivery_row *d);

/* Does maintenance keep the destination from being claimed for? *ret_until: seconds, or
 * INT64_MAX. Return: 1, 0, negative. */
int maintenance_now(
	struct engine *e, int64_t now, const char *destination, int64_t *ret_until);
json_t *maintenance_to_json(struct engine *e, int64_t now);

/* Append a record as it stands. */
int audit_append(struct engine *e, sqlite3_int64 document, struct span record);

/* Make a record and append it; takes over detail (NULL for none). */
int audit_event(struct engine *e, int64_t now, const char *actor, const char *event,
	const struct document_row *d, json_t *detail);
int audit_load_head(struct engine *e);

/* JSON of a document with its deliveries; of its records. New references or NULL. */
json_t *document_to_json(struct engine *e, const struct document_row *d);
json_t *events_to_json(struct engine *e, const struct document_row *d);
int json_to_fd(json_t *value, int *ret_fd); /* takes value over; QUEUE_DONE or negative */

#endif
