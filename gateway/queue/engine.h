/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What queued asks of a database, whichever it is; never a socket, never who may ask.
 */
#ifndef SEALGATE_QUEUE_ENGINE_H
#define SEALGATE_QUEUE_ENGINE_H

#include "common/cleanup.h"
#include "common/span.h"
#include "queue/protocol.h"

#include <jansson.h>

/* The operations below run between engine_begin and engine_commit, one after another in
 * one thread. Each returns an enum queue_answer or a negative errno; then what it did so
 * far was undone and the others of the batch are unharmed, unless engine_failure says
 * otherwise. */
struct engine;

/* What the last failure means for the batch and for the process. */
enum engine_failure {
	ENGINE_FINE = 0,
	ENGINE_NO_SPACE, /* roll back, answer UNAVAILABLE, try again later; reading works
			  */
	ENGINE_AGAIN,	 /* roll back; the same batch may do well at once */
	ENGINE_REOPEN,	 /* roll back, answer UNAVAILABLE, close, open again later */
	ENGINE_FATAL, /* what is on the disk is unknown: answer nothing, exit, replay */
};

/* Open or create the database in folder; brings its schema up to date. *ret_error is one
 * line for people that the caller frees. Return: 0 or -errno. */
int engine_open(const char *folder, struct engine **ret_engine, char **ret_error);

/* Which database, and how to come to it. */
struct engine_place {
	const char *folder;	   /* state/queue; of SQLite the database is in it */
	const char *postgresql;	   /* a libpq connection string, or "" for SQLite */
	const char *password_file; /* or "" */
	const char *appliance;	   /* whose audit chain, at a shared database */
};

/* As engine_open. -EOPNOTSUPP when the program was built without that database. */
int engine_open_at(
	const struct engine_place *place, struct engine **ret_engine, char **ret_error);

void engine_close(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_close)

int engine_begin(struct engine *e);
/* The same without the cost of bounds around each operation, where they cost: one that
 * has to be undone fails engine_unmark with ENGINE_AGAIN, and all is rolled back. */
int engine_begin_bold(struct engine *e);
int engine_commit(struct engine *e);
void engine_rollback(struct engine *e);

/* Bounds of one operation inside the batch. */
int engine_mark(struct engine *e);
/* -EINVAL with keep: what was done broke a rule of the database and was undone. */
int engine_unmark(struct engine *e, bool keep);

enum engine_failure engine_failure(const struct engine *e);
const char *engine_failure_text(const struct engine *e);

/* Housekeeping between batches (write-ahead log into the database when it is long, or in
 * any case with force). Return: 0 or -errno with engine_failure set. */
int engine_maintain(struct engine *e, bool force);

/* The parts of a commit; data NULL where absent. */
struct engine_parts {
	struct span document;
	struct span report;
	struct span receipt;
	struct span record;
};

int engine_find(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first);
int engine_insert(struct engine *e, const struct queue_submission *s,
	const struct engine_parts *parts, struct queue_document *ret_first);

/* One part in a sealed memfd. partner "" for operators. */
int engine_get(struct engine *e, const char *id, const char *partner,
	enum queue_part part, struct queue_document *ret_document, int *ret_fd);

/* On EMPTY *ret_due is when something will be due (seconds), or INT64_MAX. */
int engine_claim_seal(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int ret_fds[3], int64_t *ret_due);
int engine_claim_delivery(struct engine *e, int64_t now, const char *destination,
	int lease_s, uint32_t form, struct queue_claim *ret_claim, int *ret_fd,
	int64_t *ret_due);

int engine_claim_held(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int *ret_fd, int64_t *ret_due);

/* Every held document is due now. Return: QUEUE_DONE or negative. */
int engine_held_due(struct engine *e, int64_t now);

/* Evidence records of held documents, as the queue's client says of them. */
int engine_claim_stamp(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int *ret_fd, int64_t *ret_due);
int engine_stamped(struct engine *e, int64_t now, const struct queue_stamped_request *q,
	struct span record);

int engine_judged(struct engine *e, int64_t now, const char *id, uint64_t fence,
	const struct queue_judgement *judgement, struct span report);
int engine_sealed(struct engine *e, int64_t now, const char *id, uint64_t fence,
	struct span container);
/* The container is of a level, and gets more at a time (0: never). Then as the queue's
 * client says of renewals; *ret_due as above. */
int engine_renew_at(struct engine *e, const char *id, const char *level, int64_t due);
int engine_claim_renewal(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int *ret_fd, int64_t *ret_due);
int engine_renewed(struct engine *e, int64_t now, const struct queue_renewed_request *q,
	struct span container);
int engine_seal_failed(struct engine *e, int64_t now, const char *id, uint64_t fence,
	int64_t retry_at, const char *reason);
int engine_delivery_result(struct engine *e, int64_t now,
	const struct queue_delivery_result_request *result);
/* Where it is noted how destinations do: it stays the caller's, and there. */
void engine_breakers(struct engine *e, struct breakers *breakers);
/* For the figures: the clock is behind the last record, of this time, and of what time
 * the one was that a person said was wrong; 0: it is not, none was. */
void engine_clock(struct engine *e, int64_t behind, int64_t accepted);
/* Note how a destination does. Return: false, it cannot be. */
bool engine_breaker(struct engine *e, const struct breaker_told *told);
int engine_control(
	struct engine *e, int64_t now, const struct queue_control_request *control);

/* As queue_act and queue_maintenance say. */
int engine_act(
	struct engine *e, int64_t now, const struct queue_act_request *q, int *ret_fd);
/* As queue_propose, queue_review and queue_reviews say. */
int engine_propose(struct engine *e, int64_t now, const struct queue_propose_request *q,
	int *ret_fd);
int engine_review(
	struct engine *e, int64_t now, const struct queue_review_request *q, int *ret_fd);
int engine_reviews(struct engine *e, int64_t now, int *ret_fd);
/* May what is new be taken now? QUEUE_DONE, QUEUE_CLOSED with *ret_first, negative. */
int engine_closed(struct engine *e, int64_t now, struct queue_document *ret_first);
int engine_maintenance(
	struct engine *e, int64_t now, const struct queue_maintenance_request *q);

/* As queue_retention and queue_legal_hold say. */
int engine_retention(struct engine *e, int64_t now,
	const struct queue_retention_request *q, int *ret_fd);
int engine_erase(struct engine *e, int64_t now, const struct queue_retention_request *q,
	int *ret_fd);
int engine_retention_end(struct engine *e, int64_t now, int *ret_fd);
/* The list of an earlier statement again. Return: QUEUE_DONE, QUEUE_NOT_FOUND, negative.
 */
int engine_retention_list(struct engine *e, int64_t position, int *ret_fd);
int engine_retention_status(struct engine *e, int64_t now, int64_t after, int *ret_fd);
int engine_legal_keeps(struct engine *e, int64_t hold, int64_t after, int *ret_fd);
int engine_legal_hold(struct engine *e, int64_t now,
	const struct queue_legal_hold_request *q, int *ret_fd);

/* Deliveries whose lease ran out while sending: their outcome is unknown. */
int engine_expire_leases(struct engine *e, int64_t now);

/* An event of the queue's own for the audit chain. */
struct queue_audit_request {
	char event[64];
	char actor[QUEUE_KEY_SIZE];
	char id[DOCUMENT_ID_SIZE];	/* "" for none */
	char detail[QUEUE_DETAIL_SIZE]; /* "" for none */
};

/* Note in this appliance's chain how far the chains of the others at the database have
 * come (audit.link: appliance, position, chain, and head: position and SHA-256 of its
 * newest sealed head), of each that went on since its last link. Return: QUEUE_DONE or
 * negative. */
int engine_link(struct engine *e, int64_t now);

/* This appliance's newest sealed head, for the others to link. Return: 0 or negative. */
int engine_sealed_head(
	struct engine *e, int64_t position, const uint8_t sha256[SHA256_SIZE]);

/* What was linked in a transaction that did not come about is linked again. */
void engine_link_forget(struct engine *e);

int engine_audit(struct engine *e, int64_t now, const struct queue_audit_request *audit);

/* As queue_trial says: written and taken back, with the transaction. */
int engine_trial(struct engine *e);

/* As queue_reading says. */
int engine_reading(struct engine *e, int64_t now, const struct queue_reading_request *q);

/* As queue_paper says. */
int engine_paper(struct engine *e, int64_t now, const struct queue_paper_request *q);

/* As queue_command says. */
int engine_command(struct engine *e, int64_t now, const struct queue_command_request *q);

/* How far sealing the chain's heads has come, for engine_stats. */
struct heads_told {
	bool sealing, exporting; /* false: nobody does */
	int64_t late_s;		 /* waiting for longer is too long */
	struct head_told {
		int64_t position, at; /* of the newest one; 0 unknown */
		int64_t waiting_ms; /* how long what comes next has waited; 0 nothing does
				     */
	} sealed, exported;
};
void engine_heads(struct engine *e, const struct heads_told *told);

/* JSON in a sealed memfd, as the functions of queue/client.h say. */
int engine_stats(struct engine *e, int64_t now, int *ret_fd);
int engine_shape(struct engine *e, int64_t now, int *ret_fd);
int engine_list(
	struct engine *e, const char *state, const char *partner, int limit, int *ret_fd);
int engine_sent(struct engine *e, const struct queue_sent_request *q, int *ret_fd);
int engine_explain(struct engine *e, const char *key, int *ret_fd);
int engine_audit_read(struct engine *e, int64_t after, int limit, int *ret_fd);

/* How far a look at what waits has come. Zeroed: it begins. */
struct stranded_look {
	uint32_t which; /* of the states in which they wait */
	int64_t after;	/* this delivery */
};

/* Look at some of the deliveries that wait. One of a sealed document that waits for an
 * original that has come to its end goes; one of a document that was withdrawn or
 * replaced before it was sealed, and that nothing ended, ends, and what waits for it
 * goes. Each is in the audit chain. *ret_settled: how many are added to it. Return: 1 the
 * look goes on, 0 it is over and *look begins anew, negative. */
int engine_stranded(
	struct engine *e, int64_t now, struct stranded_look *look, int *ret_settled);

/* Note how far the flows are and how much room there is, when that is due. Return: 0 or
 * negative. */
int engine_sample(struct engine *e);

/* Cursors that a raise skips: more than anybody was told of since the last backup. */
#define OUTCOMES_STEP INT64_C(1000000000)

/* The clock was ahead and is right by now: what was leased or put off by it may go on.
 * Return: 0 or negative. */
int engine_clock_back(struct engine *e, int64_t now);

/* The database is an older one: whoever reads a feed, also one that this database does
 * not know, may have outcomes under cursors that it would give out again. All go on
 * OUTCOMES_STEP behind their last. Return: 0 or negative. */
int engine_outcomes_raise(struct engine *e);

/* A partner's feed, as queue_outcomes and queue_outcomes_acknowledge say. */
int engine_outcomes(
	struct engine *e, const char *partner, int64_t after, int limit, int *ret_fd);
int engine_outcomes_acknowledge(
	struct engine *e, int64_t now, const char *partner, int64_t upto, int *ret_fd);

/* As queue_claim_callback and queue_called_back say. */
int engine_claim_callback(struct engine *e, int64_t now,
	const struct queue_callback_request *q, struct queue_claim *ret_claim,
	int *ret_fd);
int engine_called_back(
	struct engine *e, int64_t now, const struct queue_called_back_request *q);

/* As queue_status_of says. */
int engine_status_of(struct engine *e, const struct queue_status_request *q, int *ret_fd);

/* The ledger: JSON in a sealed memfd, as queue_ledger says. */
int engine_ledger(struct engine *e, int *ret_fd);

/* Compare the next `limit` documents with what their audit records say, and look for
 * records whose document is gone. Return: 1 the round goes on, 0 it is whole and
 * engine_ledger_found is anew what it found (NULL: nothing), or negative. */
int engine_ledger_walk(struct engine *e, int limit);
const json_t *engine_ledger_found(const struct engine *e); /* the first of them */
int64_t engine_ledger_count(const struct engine *e);	   /* how many in all */

/* Put the balances into the audit chain. */
int engine_ledger_note(struct engine *e, int64_t now);

/* End of the audit chain as committed. */
struct engine_head {
	int64_t position;
	uint8_t chain[SHA256_SIZE];
};
struct engine_head engine_head(const struct engine *e);

/* A copy of the whole database, made in steps between transactions: what is written
 * meanwhile is in it. It is a file without a name, whose octets go with the last
 * descriptor of it. */
struct engine_backup {
	uint64_t owner; /* for whom; 0: there is none */
	bool running, done, failed;
	bool told; /* its owner knows how it ended */
	int pages, left;
	struct engine_head head; /* done: what the copy holds */
};

/* Begin one. owner: not 0, and never the same for two who ask. *ret_fd: to read it when
 * it is done, the caller closes it. Return: QUEUE_DONE, QUEUE_ILLEGAL (another's owner
 * does not know yet how that ended), negative. */
int engine_backup_start(struct engine *e, uint64_t owner, int *ret_fd);
/* Return: 1 there is more to do, 0 whole or none under way, negative: given up. */
int engine_backup_step(struct engine *e, int pages);
struct engine_backup engine_backup_state(const struct engine *e);
/* JSON in a sealed memfd, as queue_backup_state says. Return: QUEUE_DONE, QUEUE_STALE
 * (none is this owner's), negative. */
int engine_backup_tell(struct engine *e, uint64_t owner, int *ret_fd);
/* Nobody waits for it any more. */
void engine_backup_drop(struct engine *e);

/* The time of the last audit record, in seconds; 0 when there is none or it names none.
 * Return: 0 or negative. */
int engine_last_time(struct engine *e, int64_t *ret_time);

/* The document that a claim has moved aside, because parts of it are missing or too
 * large, since this was asked last; NULL: none. Somebody should be told. */
const char *engine_set_aside(struct engine *e);

/* Version of the schema of this database. */
int engine_schema(const struct engine *e);

/* The chain value at a position. Return: QUEUE_DONE, QUEUE_NOT_FOUND, negative. */
int engine_chain_at(struct engine *e, int64_t position, uint8_t ret_chain[SHA256_SIZE]);

#endif
