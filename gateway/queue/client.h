/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Blocking client of queued, one connection, one thread at a time; never opens the
 * database.
 */
#ifndef SEALGATE_QUEUE_CLIENT_H
#define SEALGATE_QUEUE_CLIENT_H

#include "common/cleanup.h"
#include "queue/breakers.h"
#include "queue/types.h"

enum queue_answer {
	QUEUE_UNDECIDED = 0,
	QUEUE_DONE,
	QUEUE_DUPLICATE, /* same partner, same octets, accepted or held before */
	QUEUE_CONFLICT,	 /* same country, type, number, status with other octets, or the
			  * same octets from another partner: see ret_first->partner */
	QUEUE_NOT_FOUND,
	QUEUE_EMPTY,	   /* nothing to claim */
	QUEUE_ILLEGAL,	   /* the state does not allow it */
	QUEUE_STALE,	   /* the claim's lease was lost to another */
	QUEUE_DENIED,	   /* the peer's uid may not do this */
	QUEUE_UNAVAILABLE, /* the database cannot be written now: nothing was changed */
	QUEUE_FULL,  /* so many documents of the partner are held, or times of maintenance
			planned, that one more is not taken */
	QUEUE_PAPER, /* another document makes the same paper electronic: ret_first */
	QUEUE_CLOSED, /* nothing new is taken until ret_first->held_until (0: unknown) */
};

/* Why nothing can be written now. */
enum queue_why {
	QUEUE_WHY_NONE = 0, /* it is not said */
	QUEUE_WHY_DATABASE, /* it fails, or is away */
	QUEUE_WHY_ROOM,	    /* its disk is full */
	QUEUE_WHY_CLOCK,    /* the clock is behind the last record */
	QUEUE_WHY_OWED,	    /* cursors are to be raised first */
};

/* For people: what follows "it cannot be written: ". */
const char *queue_why_text(enum queue_why why);

#define QUEUE_SCOPE_MAX 32  /* countries in each list of a scope */
#define QUEUE_STATUS_MAX 50 /* documents of one number in an answer */

struct queue;

/* Connect to run/queued.sock. Return: 0 or -errno. */
int queue_connect(const char *socket_path, int timeout_ms, struct queue **ret_queue);

/* The same over a connected SEQPACKET socket, whose owner the client becomes on success
 * and whose timeouts are timeout_ms (0: none). */
int queue_from_socket(int socket, int timeout_ms, struct queue **ret_queue);

void queue_disconnect(struct queue *q);
DEFINE_CLEANUP(struct queue *, queue_disconnect)

/* All below return an enum queue_answer, or negative when undecided (connection broken:
 * the caller reconnects; what it asked may or may not have happened). Descriptors passed
 * in are borrowed; those returned belong to the caller, are sealed memfds, or -1 when
 * absent. */

/* Was this submitted before? DONE: no. DUPLICATE, CONFLICT, PAPER or CLOSED (no, but the
 * gate is in maintenance) with *ret_first. */
int queue_find(struct queue *q, const struct queue_submission *s,
	struct queue_document *ret_first);

/* Commit document, report, receipt and audit record in one durable transaction. record is
 * canonical JSON whose SHA-256 the receipt binds. A refused document has no document_fd
 * (-1) and no receipt (empty). DONE, DUPLICATE, CONFLICT, PAPER, UNAVAILABLE. */
int queue_commit(struct queue *q, const struct queue_submission *s, int document_fd,
	int report_fd, struct span receipt, struct span record,
	struct queue_document *ret_first);

/* Commit nothing as durably as a document: a row is written and taken back in one
 * transaction, so that the database has afterwards what it had before. DONE, or
 * UNAVAILABLE with *ret_why. */
int queue_trial(struct queue *q, enum queue_why *ret_why);

enum queue_part {
	QUEUE_META = 1, /* JSON: document with its deliveries */
	QUEUE_DOCUMENT,
	QUEUE_REPORT,
	QUEUE_RECEIPT,
	QUEUE_CONTAINER,
	QUEUE_EVENTS, /* JSON: the first QUEUE_EVENTS_PAGE audit records of the document,
		       * each with position and chain */
	QUEUE_FIRST_REPORT,   /* where QUEUE_REPORT is of a later verdict, too */
	QUEUE_LATER_REPORT,   /* and that one alone */
	QUEUE_RECORD,	      /* the evidence record that was made while it was held */
	QUEUE_VERSIONS = 256, /* + n: the container as it was first sealed (0), and each
			       * newer one */
	QUEUE_EVENTS_PAGES = 1 << 20, /* + n: QUEUE_EVENTS after the first n pages of
				       * them; none when there are no more */
};
#define QUEUE_EVENTS_PAGE 1000

/* One part of a document; partner NULL for operators. Another partner's document is
 * NOT_FOUND, and so is a part that does not exist yet. */
int queue_get(struct queue *q, const char *id, const char *partner, enum queue_part part,
	struct queue_document *ret_document, int *ret_fd);

/* Claim an accepted document for sealing for lease_s seconds. DONE or EMPTY; EMPTY only
 * after a second (or half the connection's timeout) without work: ask again at once. */
int queue_claim_seal(struct queue *q, int lease_s, struct queue_claim *ret_claim,
	int *ret_document_fd, int *ret_report_fd, int *ret_receipt_fd);

/* The container is finished, at a level ("B", "T"), and gets more at a time (0: never):
 * accepted → sealed, its deliveries → queued. */
int queue_sealed(struct queue *q, const struct queue_claim *claim, const char *level,
	int64_t renew_at, int container_fd);

/* Claim a container that is to get more: ret_claim->level says what it is. DONE or EMPTY,
 * as queue_claim_seal. */
int queue_claim_renewal(struct queue *q, int lease_s, struct queue_claim *ret_claim,
	int *ret_container_fd);

/* What came of it: a newer container (-1: none, then level is as before), of a level, and
 * when there is more to do (0: never). The ones before are kept. */
int queue_renewed(struct queue *q, const struct queue_claim *claim, const char *level,
	int64_t due, int container_fd);

/* Sealing did not work: try again at retry_at, or quarantine when that is 0. */
int queue_seal_failed(struct queue *q, const struct queue_claim *claim, int64_t retry_at,
	const char *reason);

/* Claim the octets of a held document that have no evidence record yet; waits like
 * queue_claim_seal. What comes of it: the record (RFC 4998, DER), or -1 and when to try
 * again. */
int queue_claim_stamp(struct queue *q, int lease_s, struct queue_claim *ret_claim,
	int *ret_document_fd);
int queue_stamped(struct queue *q, const struct queue_claim *claim, int64_t retry_at,
	int record_fd);

/* The newest sealed head of the audit chain, when it is time that one gets a time-stamp:
 * DONE with its octets, or EMPTY at once; and its token (DER), with the time that it
 * proves. */
int queue_head_unstamped(struct queue *q, int64_t *ret_position, int *ret_fd);
int queue_head_stamped(struct queue *q, int64_t position, int64_t time, int token_fd);

/* Claim a held document that is due to be judged again: a minute after it came, then at
 * each retry_at, when an operator released it, or after queue_held_due. Waits like
 * queue_claim_seal. */
int queue_claim_held(struct queue *q, int lease_s, struct queue_claim *ret_claim,
	int *ret_document_fd);

/* All held documents are to be judged again now: by something else than before. */
int queue_held_due(struct queue *q);

/* The later verdict. Its report takes the place of the first for whoever reads the
 * document (held again: no report, -1). */
int queue_judged(struct queue *q, const struct queue_claim *claim,
	const struct queue_judgement *judgement, int report_fd);

/* Claim the next due delivery of a destination (state queued, deferred or unknown), in
 * the order of arrival; waits like queue_claim_seal. form: what will be sent of it, 1 to
 * QUEUE_FORM_MAX, or 0; ret_claim->form keeps what was sent until its outcome is known:
 * whoever sends another after a look-up sets it before the result.
 * Who has looked up, and it is not there, clears ret_claim->look_up likewise: until then
 * it may be there, and does not leave. */
int queue_claim_delivery(struct queue *q, const char *destination, int lease_s,
	uint32_t form, struct queue_claim *ret_claim, int *ret_container_fd);

/* Result of an attempt: delivered, deferred (retry_at), unknown (retry_at), refused,
 * expired. Reporting the same result of the same claim again is DONE. reply_id: the
 * destination's own reference; detail: one line for the timeline. */
int queue_delivery_result(struct queue *q, const struct queue_claim *claim,
	enum delivery_state state, int64_t retry_at, const char *reply_id,
	const char *detail);

/* The same of a delivered one, with what follows from it. */
int queue_delivery_done(struct queue *q, const struct queue_claim *claim,
	const char *reply_id, const char *detail, const struct queue_followed *followed);

/* How a destination does, for status, top and the metrics. */
int queue_breaker(struct queue *q, const struct breaker_told *told);

enum queue_control { QUEUE_HOLD = 1, QUEUE_RELEASE, QUEUE_REDRIVE, QUEUE_REROUTE };

/* An operator's act on the deliveries of a document (all destinations when destination is
 * ""), audited under the operator's name with a reason. */
int queue_control(struct queue *q, enum queue_control verb, const char *id,
	const char *destination, const char *operator_name, const char *reason);

/* Which deliveries an act is about; "" and 0 choose all. */
struct queue_selection {
	char id[DOCUMENT_ID_SIZE];
	char partner[PARTNER_NAME_SIZE];
	char destination[DESTINATION_NAME_SIZE];
	int64_t before;	     /* received before this second */
	uint32_t state;	     /* enum delivery_state to go on with, 0 at first */
	uint32_t spare_held; /* 1: what is held is not rerouted: a release takes two */
	int64_t after;	     /* where to go on, 0 at first */
};

/* The same act on many deliveries, a bounded number at a time, each audited;
 * QUEUE_REROUTE sends to another destination what this one has not got. JSON in a memfd:
 * "done" (how many), "ids", and "more" with "state" and "after" to go on with;
 * of a confirmed release "passed_over", too, where there is any: documents of what was
 * held after the proposal. */
int queue_act(struct queue *q, enum queue_control verb, const struct queue_selection *s,
	const char *to, const char *operator_name, const char *reason, int *ret_fd);

/* Where a release takes two people: what one of them asks for waits so many seconds for
 * another. selection: the document, or "" and all that it selects of what was received
 * before now. JSON in a memfd: "proposal", its number, and "until". DUPLICATE: the same
 * is proposed already; FULL: so many wait that one more is not taken. */
int queue_propose(struct queue *q, const struct queue_selection *s, int64_t seconds,
	const char *operator_name, const char *reason, int *ret_fd);

enum queue_review { QUEUE_CONFIRM = 1, QUEUE_DECLINE };

/* Another person has it carried out, or it is turned down (by whoever proposed it, too).
 * JSON in a memfd: "proposal", and of many as queue_act: the same person goes on from
 * "state" and "after" while there is "more". NOT_FOUND: no such proposal waits; STALE:
 * its time is over; CONFLICT: nobody confirms a proposal of his own. */
int queue_review(struct queue *q, enum queue_review verb, int64_t proposal,
	uint32_t state, int64_t after, const char *operator_name, const char *reason,
	int *ret_fd);

/* What awaits review: a JSON list in a memfd. */
int queue_reviews(struct queue *q, int *ret_fd);

/* When maintenance is: from since (0: now) to until (0: until it is ended); every:
 * seconds after which it comes again (calendar.h), 0: it does not. */
struct queue_window {
	int64_t since, until, every;
};

/* The destination that stands for the taking of documents: no profile has such a name. */
#define QUEUE_INTAKE "/intake"

/* Maintenance of a destination ("" of all): meanwhile nothing is claimed for it; of
 * QUEUE_INTAKE: nothing new is taken, and what is there goes on. End: what is under way
 * ends now, and what does not come again never is; with every in the
 * window the series of that period end instead. */
int queue_maintenance(struct queue *q, bool start, const char *destination,
	const struct queue_window *w, const char *operator_name, const char *reason);

/* Record that somebody reads a document, before it is given out, and what of it; the same
 * reading again is on record (enum queue_reader says when). Return: QUEUE_DONE,
 * QUEUE_NOT_FOUND, or as all. */
int queue_reading(struct queue *q, const char *id, enum queue_reader reader,
	const char *name, const char *what);

/* Note the paper that a stored document names, of which nothing is noted yet; number "":
 * it names none, and stands for that of what it replaced, if anything. Return: QUEUE_DONE
 * noted, QUEUE_DUPLICATE as it is noted already, QUEUE_NOT_FOUND no such document, or
 * there is no paper, or as all. */
int queue_paper(struct queue *q, const char *id, const char *number);

/* Record that an operator has the gate run a command, before it is run; second: who asked
 * for the same where policy wants two, or "". accept: the time of the last audit record,
 * where the command says that it was wrong and the clock, which is behind it, is right;
 * then it is recorded all the same, and all goes on; else "". Return: as all; ILLEGAL:
 * nothing is recorded, the last record has another time or the clock is not behind it,
 * and no record of that time was said to be wrong before. */
int queue_command(struct queue *q, const char *command, const char *operator_name,
	const char *second, const char *accept);

/* How long documents are kept, by type; and what to do about those whose time is over. */
enum queue_retention {
	QUEUE_RETENTION_PLAN = 1, /* say which they are, a bounded number at a time */
	QUEUE_RETENTION_CLAIM,	  /* the same, and claim some for lease_s seconds */
	QUEUE_RETENTION_ERASE,	  /* one that is claimed, and archived */
	QUEUE_RETENTION_END,	  /* a statement of what was erased since the last one */
	QUEUE_RETENTION_STATUS,	  /* and the legal holds in force, a number at a time */
	QUEUE_RETENTION_KEEPS,	  /* what a hold on partner or type keeps, likewise */
};

#define QUEUE_RETENTION_RULES_MAX 32
#define QUEUE_ARCHIVE_SIZE 256

/* Art. 42 of Implementing Regulation (EU) 2019/1715: of what was not refused. */
#define QUEUE_RETENTION_MIN_S (1096 * INT64_C(86400))

struct queue_retention_rule {
	char type[DOCUMENT_TYPE_SIZE];
	int64_t seconds; /* from its arrival */
};

struct queue_retention_request {
	uint32_t verb;
	uint32_t lease_s; /* CLAIM */
	int64_t after; /* PLAN, CLAIM, KEEPS: where to go on, 0 at first; STATUS: behind
			* this hold; END: the position of a statement whose list is wanted
			* again, 0: a new one */
	int64_t hold;  /* KEEPS: its number */
	char policy[SHA256_TEXT_SIZE];	  /* PLAN, CLAIM: whose periods these are */
	char id[DOCUMENT_ID_SIZE];	  /* ERASE, as is all below */
	char manifest[SHA256_TEXT_SIZE];  /* SHA-256 of what lists the archived parts */
	char archive[QUEUE_ARCHIVE_SIZE]; /* where they are */
	char parts[SHA256_TEXT_SIZE];	  /* parts_digest of the archived parts */
	uint64_t fence;
	int64_t other_s;   /* PLAN, CLAIM: of types without a rule; 0: never */
	int64_t refused_s; /* of what was refused: its report; 0: never */
	int64_t seconds;   /* ERASE: the period of the document, as it was claimed for */
	uint32_t rule_count;
	uint32_t clock_confirmed; /* CLAIM, ERASE: a person says that the clock is right
				   */
	struct queue_retention_rule rules[QUEUE_RETENTION_RULES_MAX];
};

/* JSON in a memfd. PLAN, CLAIM: "documents" (with "fence" when claimed; CLAIM with 0: its
 * erasure would be refused), "after" and "more" to go on with, and how many were looked
 * at and why they stay. ERASE: "erased".
 * END: "erased", "position" of the record that says so, "list" of what it is about.
 * STATUS: "holds", and "more" of them behind the last. KEEPS: "documents", "after",
 * "more".
 * ERASE of what is open, held, not as its records say, or has other parts than were
 * archived, or too young: ILLEGAL; without its claim: STALE. Where something would go and
 * the chain has no record of a week to a month ago, the clock may have jumped: CLAIM says
 * "clock": "unproven" and claims nothing, ERASE is ILLEGAL, unless the clock is
 * confirmed. */
int queue_retention(
	struct queue *q, const struct queue_retention_request *request, int *ret_fd);

/* Keep documents whatever their age: one, or all of a partner or a type ("" chooses all);
 * lift: the number that set gave. ground: "legal" or "dispute". */
struct queue_legal_hold {
	int64_t lift; /* 0: set */
	char id[DOCUMENT_ID_SIZE];
	char partner[PARTNER_NAME_SIZE];
	char type[DOCUMENT_TYPE_SIZE];
	char ground[16];
};

/* JSON in a memfd: "hold", its number, and, of a hold on one document, "documents": 1, or
 * 0 where partner or type are another's. By a named person, with a reason. STALE: the
 * document was erased before. */
int queue_legal_hold(struct queue *q, const struct queue_legal_hold *hold,
	const char *operator_name, const char *reason, int *ret_fd);

/* Have a copy of the database made while everything goes on, for this connection: it is
 * given up when that ends first. *ret_copy: a file without a name, nobody else's, to be
 * read once the state says that it is done. ILLEGAL: one is being made for another. */
int queue_backup_start(struct queue *q, int *ret_copy);

/* How far it is. JSON in a memfd: "running", "done", "failed", "pages", "left", and,
 * done, the "head" ("POSITION:CHAIN") of what is in it. STALE: none is made for this
 * connection, or it was given up. */
int queue_backup_state(struct queue *q, int *ret_fd);

/* In state/queue: who puts the time of the last record into this file says that it was
 * wrong, and that the clock, which is behind it, is right. */
#define QUEUE_ACCEPT_CLOCK "accept-clock"

/* What a restore leaves for the next start: the mark of the backup. */
#define QUEUE_RESTORED "restored"
#define QUEUE_RESTORED_FILE "state/queue/" QUEUE_RESTORED

/* JSON in a memfd: counts by state and destination with ages, and the ledger. */
int queue_stats(struct queue *q, int *ret_fd);

/* JSON in a memfd: open deliveries by destination, of each how many are younger than a
 * minute, ten minutes, an hour, a day, and older. */
int queue_shape(struct queue *q, int *ret_fd);

/* JSON in a memfd: what became of the partner's documents, in order, after a cursor (-1:
 * after what it has acknowledged); "next" is the cursor to go on with. ILLEGAL: a cursor
 * that was never given out. */
int queue_outcomes(
	struct queue *q, const char *partner, int64_t after, int limit, int *ret_fd);

/* The partner has everything up to a cursor; a lower one than before changes nothing.
 * JSON in a memfd: what is acknowledged now. */
int queue_outcomes_acknowledge(
	struct queue *q, const char *partner, int64_t upto, int *ret_fd);

/* The turn to call the partner back, for lease_s: as queue_outcomes after what it has
 * acknowledged, with a fence and how often that was tried. EMPTY: there is nothing to
 * tell, somebody else is at it, or it is not time yet, which anew passes over. */
int queue_claim_callback(struct queue *q, const char *partner, int lease_s, int limit,
	bool anew, struct queue_claim *ret_claim, int *ret_fd);

/* The end of it: the partner has everything up to the cursor (>= 0), or nobody is to try
 * before retry_at. STALE: somebody else has the turn. */
int queue_called_back(struct queue *q, const char *partner,
	const struct queue_claim *claim, int64_t cursor, int64_t retry_at);

/* JSON in a memfd: for each partner and destination how many were accepted and where they
 * are, whether the counts that are kept apart agree, and the ids of what is not as its
 * audit records say. walk: how many documents to compare first; the daemon compares all
 * of them all the time by itself. */
int queue_ledger(struct queue *q, int walk, int *ret_fd);

/* JSON array of documents newest first; state "" for all; at most limit (≤ 1000). */
int queue_list(
	struct queue *q, const char *state, const char *partner, int limit, int *ret_fd);

/* JSON: how many documents of a partner were received from a second on and before
 * another, refused ones included, how many octets they have, and how many of them came
 * from `lately` on: {"documents","octets","lately"}. */
int queue_sent(struct queue *q, const char *partner, int64_t since, int64_t until,
	int64_t lately, int *ret_fd);

/* JSON timeline of the document that key names (id, number or sha256 in hex). */
int queue_explain(struct queue *q, const char *key, int *ret_fd);

/* Whose documents a question about a number is answered for: those of one partner, and of
 * others those that match both lists ("*": any; an empty list: none). */
struct queue_scope {
	char partner[PARTNER_NAME_SIZE];
	char issued_by[QUEUE_SCOPE_MAX][COUNTRY_SIZE];
	char bound_for[QUEUE_SCOPE_MAX][COUNTRY_SIZE];
};

/* JSON in a memfd: what was held under a number at a time, by the audit records up to it:
 * "documents", of the scope and never refused ones; "complete", false when there are more
 * than QUEUE_STATUS_MAX; "head", the end of the chain that says so. */
int queue_status_of(struct queue *q, const char *number, int64_t at,
	const struct queue_scope *scope, int *ret_fd);

/* JSON lines: audit records from position `after` + 1 on, at most limit. */
int queue_audit_read(struct queue *q, int64_t after, int limit, int *ret_fd);

#endif
