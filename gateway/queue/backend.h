/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside the engine: its state, its statements, and what each database does its own way
 * (struct backend); never included outside the engine*.c files.
 */
#ifndef SEALGATE_QUEUE_BACKEND_H
#define SEALGATE_QUEUE_BACKEND_H

#include "queue/breakers.h"
#include "queue/engine.h"
#include "queue/forecast.h"
#include "queue/ledger_walk.h"
#include "queue/legal_count.h"
#include "queue/papers.h"
#include "queue/relations.h"

#include <jansson.h>

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "queue/statements.def"
#undef STATEMENT
	SQL_COUNT,
};

/* A statement that runs, and the row of its result where it stands. */
struct row {
	struct engine *of;
	enum statement which;
	int at;	      /* the row, where the backend counts */
	void *handle; /* the backend's */
};

/* What is bound to a statement; it stays until the statement is reset. */
#define PARAMETERS_MAX 20
struct parameter {
	char kind; /* t text, i integer, b octets */
	int64_t integer;
	struct span octets; /* of a text without its NUL, which follows */
};

/* What a database does its own way; all else is written once, in engine_*.c. The
 * functions of the same name in engine.h say what each returns. */
struct backend {
	bool (*lost)(struct engine *e); /* is there nobody to ask any more; may be NULL */
	void (*close)(struct engine *e);

	int (*begin)(struct engine *e);
	int (*commit)(struct engine *e);
	/* Return: 0, or negative when the connection to the database is of no use. */
	int (*rollback)(struct engine *e);
	int (*mark)(struct engine *e);
	/* -EINVAL with keep: what was done broke a rule, and was undone. */
	int (*unmark)(struct engine *e, bool keep);
	int (*maintain)(struct engine *e, bool force);

	/* As sql_bind and the others below. */
	struct row *(*bind)(struct engine *e, enum statement which,
		const struct parameter *parameters, int count);
	int (*step)(struct row *row);
	void (*reset)(struct row *row);
	bool (*null)(const struct row *row, int column);
	int64_t (*integer)(const struct row *row, int column);
	struct span (*octets)(const struct row *row, int column);
	/* Rows changed so far; NULL: every operation has bounds of its own. */
	int64_t (*changes)(struct engine *e);
	/* Of the document inserted last; NULL where the statement returns it, and no row
	 * when another appliance was first with the like of it. */
	int64_t (*last_key)(struct engine *e);

	int (*blob_write)(struct engine *e, int64_t document, enum queue_part part,
		struct span data);
	int (*blob_read)(struct engine *e, int64_t document, enum queue_part part,
		size_t max, int *ret_fd);

	/* From here to the end of the transaction all is read as it is now. NULL: so it
	 * is anyhow. */
	int (*steady)(struct engine *e);

	/* What this transaction deletes is nowhere in the database's files once it is
	 * committed and engine_maintain has run. NULL: the database cannot promise that.
	 */
	void (*wipe)(struct engine *e);

	/* Octets that the database may grow by, -1 when nobody knows. */
	int64_t (*room)(struct engine *e);
	int (*schema)(void);

	/* NULL where copies are the database's own affair. */
	int (*backup_start)(struct engine *e, int *ret_fd);
	int (*backup_step)(struct engine *e, int pages);
	void (*backup_drop)(struct engine *e);
};

/* The PostgreSQL engine, as engine_open_at. */
int pg_open(
	const struct engine_place *place, struct engine **ret_engine, char **ret_error);

/* How far the chains of other appliances are linked into this one. */
#define LINKS_MAX 64
struct chain_link {
	char appliance[64];
	int64_t position;
	uint8_t chain[SHA256_SIZE];
	int64_t head_position; /* its newest sealed head's; 0: none */
	uint8_t head_sha256[SHA256_SIZE];
};

/* Who was served last in the pass through an urgency, and how many more in a row. */
struct turn {
	uint32_t step; /* which pass is under way */
	uint32_t left[URGENCIES];
	char partner[URGENCIES][PARTNER_NAME_SIZE];
};

#define TURNS_MAX 128
struct destination_turn {
	char destination[DESTINATION_NAME_SIZE];
	struct turn turn;
};

/* The part of an engine that is the same for all; it stands first. */
struct engine {
	const struct backend *backend;
	enum engine_failure failure;
	char failure_text[256];
	bool in_transaction;
	bool bold;		      /* operations have no bounds of their own */
	int64_t changes;	      /* at engine_mark, when bold */
	struct engine_head head;      /* with what the open transaction has added */
	struct engine_head committed; /* what is durable */
	struct engine_head marked;    /* at engine_mark */
	struct ledger_walk walk;
	struct forecast forecast;
	struct breakers *breakers; /* of whoever opened it, or NULL */
	struct heads_told heads;
	int64_t behind;	  /* the last record, where the clock is behind it */
	int64_t accepted; /* of what time the one was that a person said was wrong */
	struct legal_count legal;
	struct engine_backup copy;
	struct row rows[SQL_COUNT];
	int64_t seal_asked, forward_asked; /* seconds of the last claim, 0 none */
	int64_t leases_at;		   /* of leases_look, 0 never */
	struct turn held_turn, seal_turn;
	struct destination_turn turns[TURNS_MAX];
	char aside[DOCUMENT_ID_SIZE]; /* for engine_set_aside() */
	struct chain_link links[LINKS_MAX];
	size_t link_count;
};

/* A part's place in the blobs table. */
static inline int64_t blob_id(int64_t document, enum queue_part part)
{
	return document * 8 + (int64_t)part;
}

/* Bind by format and return the statement, to be reset by the caller's
 * _cleanup_statement_: t text, i int64_t, b span as a blob. What is bound stays until
 * then. NULL after a failure. */
struct row *sql_bind(struct engine *e, enum statement which, const char *format, ...);

/* Step. Return: 1 a row, 0 done, -EINVAL a constraint, other negative a failure. */
int sql_step(struct engine *e, struct row *s);

/* Bind and run a statement that returns no rows. Return: 0 or negative. */
int sql_run(struct engine *e, enum statement which, const char *format, ...);

/* Columns of the row: of a text or blob its octets, NULL data where there is none; as a
 * text with its NUL, NULL where there is none. They stay until the next step. */
bool sql_null(struct row *s, int column);
int64_t sql_int(struct row *s, int column);
struct span sql_octets(struct row *s, int column);
const char *sql_string(struct row *s, int column);

/* Copy a text column into an array, which is zeroed past it. */
void sql_text(struct row *s, int column, char *ret_text, size_t size);

void sql_resetp(struct row **s);
#define _cleanup_statement_ _cleanup_(sql_resetp)

/* What waits for one kind of work: what may be worked on stands in line, its due 0, by
 * urgency, partner and rank; what must wait for a time comes into the line then. */
struct line {
	enum statement look;	/* LOOK, of ?1 the destination */
	enum statement come;	/* whatever was due at ?1 (of ?2) stands in line */
	enum statement partner; /* the next after ?1 in line with urgency ?2 (of ?3) */
	enum statement claim;	/* the first of partner ?1 and urgency ?2 (of ?3) */
	int share;		/* column of claim: how many in a row the partner takes */
	const char *destination; /* or NULL */
	struct turn *turn;
};

/* When the next must come into the line (0: none does), and is there one in line of each
 * urgency? */
#define LOOK_ANY(table, line, where, urgency)                                            \
	",CASE WHEN EXISTS(SELECT 1 FROM " table " INDEXED BY " line " WHERE " where     \
	" AND due=0 AND urgency=" urgency ") THEN 1 ELSE 0 END"
#define LOOK(table, line, later, where)                                                  \
	"SELECT coalesce((SELECT min(due) FROM " table " INDEXED BY " later              \
	" WHERE " where " AND due>0),0)" LOOK_ANY(table, line, where, "1")               \
		LOOK_ANY(table, line, where, "2") LOOK_ANY(table, line, where, "3")
#define OF_DOCUMENT(column) "(SELECT " column " FROM documents WHERE document=?1)"
#define OPEN_DELIVERY "(state='queued' OR state='deferred' OR state='unknown')"

/* The next one in the line. Return: 1 and its row, to be reset, 0 with *ret_due lowered
 * to when there is something to look for, negative. */
int turn_take(struct engine *e, const struct line *l, int64_t now, struct row **ret_row,
	int64_t *ret_due);
struct turn *turn_at(struct engine *e, const char *destination);

/* blobs; the report of a later verdict has a place of its own */
#define BLOB_LATER_REPORT ((enum queue_part)6)

int blob_write(
	struct engine *e, int64_t document, enum queue_part part, struct span data);
int blob_read(struct engine *e, int64_t document, enum queue_part part, size_t max,
	int *ret_fd); /* QUEUE_DONE, QUEUE_NOT_FOUND */

/* Of a container that was augmented the newest. QUEUE_DONE, QUEUE_NOT_FOUND, negative. */
int container_newest(struct engine *e, int64_t document, int *ret_fd);

/* The first is 0. */
int container_version(struct engine *e, int64_t document, int64_t version, int *ret_fd);

/* What there is to augment, for the figures; NULL after a failure. */
json_t *renewals_to_json(struct engine *e);

/* A document is held: its octets wait for an evidence record. Return: 0 or negative. */
int stamp_start(struct engine *e, int64_t document);

/* The record that was made while it was held. Return: QUEUE_DONE, QUEUE_NOT_FOUND,
 * negative; stamp_there: QUEUE_DONE with *ret_there 1 or 0, negative. */
int stamp_read(struct engine *e, int64_t document, int *ret_fd);
int stamp_there(struct engine *e, int64_t document, uint32_t *ret_there);

/* How many wait for one, for the figures; NULL after a failure. */
json_t *stamps_to_json(struct engine *e);

/* The same; of a report and of a container the latest. */
int part_read(struct engine *e, int64_t document, enum queue_part part, size_t max,
	int *ret_fd);

/* A row of documents with what the protocol does not carry. */
struct document_row {
	int64_t key;
	struct queue_document document;
	char correlation[64];
	int64_t due;
	uint64_t fence;
	uint32_t attempt;
	int64_t first_try;
	uint32_t urgency; /* enum urgency */
	int64_t rank;
	uint32_t share;
};

/* Where a feed begins that this database does not know: what was raised is noted of no
 * partner, too. */
#define OUTCOMES_FLOOR "coalesce((SELECT last FROM outcome_cursors WHERE partner=''),0)"

/* The columns that document_read() reads. */
#define DOCUMENT_COLUMNS                                                                 \
	"document,id,partner,sha256,country,import_country,type,number,status,state,"    \
	"size,received,held_until,hold_reason,policy_digest,store_version,correlation,"  \
	"due,fence,attempt,first_try,urgency,rank,share"
#define DOCUMENT_SHARE 23
void document_read(struct row *s, struct document_row *ret_row);

/* Of a document d: does a hold on partners or types keep it, is it erased? The lists are
 * read once a statement, not once a document. */
#define LEGAL_LIST "(SELECT partner,type FROM legal_holds WHERE lifted=0 AND id='')"
#define LEGAL_BROAD                                                                      \
	"((d.partner,d.type) IN" LEGAL_LIST " OR (d.partner,'') IN" LEGAL_LIST           \
	" OR ('',d.type) IN" LEGAL_LIST ")"
#define LEGAL_ERASED                                                                     \
	"EXISTS(SELECT 1 FROM erasures x WHERE x.document=d.document AND x.at>0)"

/* Behind them, what retention asks of a document: when it was erased, until when it is
 * claimed for that, whether a delivery is open, whether a legal hold is on it. */
#define RETENTION_COLUMNS                                                                \
	",coalesce((SELECT e.at FROM erasures e WHERE e.document=documents.document),0)" \
	",coalesce((SELECT e.due FROM erasures e WHERE e.document=documents.document),"  \
	"0),CASE WHEN EXISTS(SELECT 1 FROM deliveries v WHERE"                           \
	" v.document=documents.document AND v.state<>'delivered' AND"                    \
	" v.state<>'refused' AND v.state<>'expired') THEN 1 ELSE 0 END"                  \
	",CASE WHEN EXISTS(SELECT 1 FROM legal_holds h WHERE h.lifted=0 AND"             \
	" (h.id='' OR h.id=documents.id) AND"                                            \
	" (h.partner='' OR h.partner=documents.partner) AND"                             \
	" (h.type='' OR h.type=documents.type)) THEN 1 ELSE 0 END"
enum retention_column {
	RETENTION_ERASED = 24,
	RETENTION_CLAIMED,
	RETENTION_OPEN,
	RETENTION_KEPT,
};

/* Has the clock come here by going on, as records of a week to a month ago show, or does
 * a person say that it is right? Return: 1, 0, negative. */
int retention_clock(
	struct engine *e, int64_t now, const struct queue_retention_request *q);

/* Has the chain a record from one second to before another? Return: 1, 0, negative. */
int audit_between(struct engine *e, int64_t from, int64_t to);

/* Is its time over, also where the clock is ahead by as much as retention_clock does not
 * see? Whoever only plans, and where a person says that it is right, goes by the clock.
 */
bool retention_over(const struct queue_retention_request *q, const struct document_row *d,
	int64_t now, int64_t seconds);

/* Is all of it at its end, under no hold, and as its records say? Nobody moves its
 * deliveries before the commit. Return: QUEUE_DONE, QUEUE_ILLEGAL, negative. */
int retention_may_go(struct engine *e, const struct document_row *d);

/* Is the document itself not at its end? */
bool retention_unended(const struct queue_document *d);

/* By id. QUEUE_DONE, QUEUE_NOT_FOUND, negative. */
int document_find(struct engine *e, const char *id, struct document_row *ret_row);

/* The same of one that may be changed: nobody else changes it before the commit. */
int document_lock(struct engine *e, const char *id, struct document_row *ret_row);

/* By id, when it is still claimed under this fence; else QUEUE_STALE. */
int document_claimed(
	struct engine *e, const char *id, uint64_t fence, struct document_row *ret_row);

/* The one place where a document's state changes. QUEUE_DONE, QUEUE_ILLEGAL, negative. */
int document_become(
	struct engine *e, struct document_row *d, enum document_state to, int64_t due);

struct delivery_row {
	int64_t key;
	int64_t document;
	char destination[DESTINATION_NAME_SIZE];
	enum delivery_state state;
	enum delivery_state held_from; /* where a hold will be released to */
	bool hold; /* hold as soon as the attempt under way has ended */
	int64_t received;
	int64_t due;
	uint64_t fence;
	uint32_t attempt;
	int64_t first_try;
	uint32_t form; /* as of queue_claim */
	bool doubt;    /* an attempt may have arrived; no look-up has said no since */
	int64_t updated;
};

#define DELIVERY_COLUMNS                                                                 \
	"delivery,document,destination,state,held_from,hold,received,due,fence,attempt," \
	"first_try,share,form,doubt,updated"
#define DELIVERY_SHARE 11
#define DELIVERY_COLUMNS_V                                                               \
	"v.delivery,v.document,v.destination,v.state,v.held_from,v.hold,v.received,"     \
	"v.due,v.fence,v.attempt,v.first_try,v.share,v.form,v.doubt,v.updated"
void delivery_read(struct row *s, struct delivery_row *ret_row);
int delivery_find(struct engine *e, int64_t document, const char *destination,
	struct delivery_row *ret_row);

/* One that was found without a lock, as it is now: nobody else changes it or its document
 * before the commit. QUEUE_DONE or negative. */
int delivery_lock(struct engine *e, struct delivery_row *d);

/* All of a document, at most QUEUE_DELIVERIES_MAX; delivery_list is for reading alone,
 * the others lock what they find. Return: how many or negative. */
int delivery_all(struct engine *e, int64_t document,
	struct delivery_row ret_rows[QUEUE_DELIVERIES_MAX]);
int delivery_list(struct engine *e, int64_t document,
	struct delivery_row ret_rows[QUEUE_DELIVERIES_MAX]);

/* The one place where a delivery's state changes: by the table, and the whole row. */
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
int flow_count(
	struct engine *e, int64_t document, const char *destination, const char *flow);
int ledger_read(struct engine *e, json_t **ret_ledger);

/* What the partner is told of its document, in the order of its feed. */
struct outcome {
	const char *event;	 /* "document.sealed", "delivery.delivered" ... */
	const char *destination; /* NULL: of the whole document */
	const char *state;
	const char *reply_id, *detail; /* NULL: none */
};
int outcome_add(struct engine *e, int64_t now, const struct document_row *d,
	const struct outcome *o);

/* What a real document that passed would be told of, of a rehearsal, in a feed of
 * rehearsals. Return: 0 or negative. */
int outcomes_rehearse(struct engine *e, int64_t now, const char *id);

/* The same into another feed. */
int outcome_add_to(struct engine *e, int64_t now, const char *feed,
	const struct document_row *d, const struct outcome *o);

/* Is there anything in a feed that is not acknowledged? Return: 1, 0, negative. */
int outcomes_wait(struct engine *e, const char *partner);

/* What follows from a delivery that is done. Return: QUEUE_DONE or negative. */
int notice_follow(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *d, const struct queue_delivery_result_request *q);

/* Its notices waited for a delivery: they go. Return: 0 or negative. */
int notice_let_go(struct engine *e, int64_t now, const struct delivery_row *d);

/* The destination of a delivery, without what a notice adds to it. */
void destination_base(const char *destination, char ret_base[DESTINATION_NAME_SIZE]);

/* From when on it may be claimed once nothing stands before it. */
int64_t delivery_from(const struct delivery_row *d, int64_t now);

/* What waited may be claimed; what an operator holds stays held, but for later. Return:
 * QUEUE_DONE or as delivery_become. */
int delivery_queue(struct engine *e, int64_t now, struct delivery_row *d);

/* Lower *ret_due to the time in the first column of the statement's row, if it has one.
 * Return: 0 or negative. */
int due_next(struct engine *e, struct row *statement, int64_t *ret_due);

/* By its key in the database. Return: 0 or negative. */
int document_by_key(struct engine *e, int64_t key, struct document_row *ret_row);

/* The document of a delivery. Return: 0 or negative. */
int delivery_document(
	struct engine *e, const struct delivery_row *d, struct document_row *ret_row);

/* Before anything is claimed: what is leased beyond any lease is free. Looks now and
 * then. Return: 0 or negative. */
int leases_look(struct engine *e, int64_t now);

/* When the document was erased, 0: it is not. Return: 0 or negative. */
int erased_at(struct engine *e, int64_t document, int64_t *ret_at);

/* Is the document as its audit records say? Return: 1, 0, negative. */
int ledger_agrees(struct engine *e, const struct document_row *d);

/* Is the destination in maintenance, or one that stands for it too (all: "")? *ret_until:
 * the end of all that follow without a gap, or INT64_MAX. Return: 1, 0, negative. */
int maintenance_now(struct engine *e, int64_t now, const char *destination,
	const char *all, int64_t *ret_until);
json_t *maintenance_to_json(struct engine *e, int64_t now);

/* Append a record as it stands. */
int audit_append(struct engine *e, int64_t document, struct span record);

/* Make a record and append it; takes over detail (NULL for none). */
int audit_event(struct engine *e, int64_t now, const char *actor, const char *event,
	const struct document_row *d, json_t *detail);
int audit_load_head(struct engine *e);

/* JSON of a document with its deliveries; of its records. New references or NULL. */
json_t *document_to_json(struct engine *e, const struct document_row *d);
json_t *events_to_json(
	struct engine *e, const struct document_row *d, int64_t first, int64_t count);
int json_to_fd(json_t *value, int *ret_fd); /* takes value over; QUEUE_DONE or negative */
#endif
