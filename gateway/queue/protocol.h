/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Messages between the client and queued: one fixed body for each operation, one for
 * every answer; never a length or a pointer in them.
 */
#ifndef SEALGATE_QUEUE_PROTOCOL_H
#define SEALGATE_QUEUE_PROTOCOL_H

#include "queue/client.h"

#define QUEUE_DETAIL_SIZE 2048 /* JSON text of an audit event */
#define QUEUE_TEXT_SIZE 256    /* reasons and lines for the timeline */
#define QUEUE_KEY_SIZE 128
#define QUEUE_WAIT_MAX_MS 10000
#define QUEUE_LEASE_MAX_S 3600
#define QUEUE_LIST_MAX 1000
#define QUEUE_AUDIT_READ_MAX 10000
#define QUEUE_OUTCOMES_MAX 500
#define QUEUE_WALK_MAX 1000
/* From the arrival of a held document to its second verdict. */
#define QUEUE_HELD_RETRY_S 60
#define QUEUE_RECORD_MAX (64u * 1024) /* octets of an audit record */
#define QUEUE_JSON_MAX (8u * 1024 * 1024)
/* Of one that is read: the balances of a day had no bound before, and stay in the chain.
 */
#define QUEUE_RECORD_READ_MAX QUEUE_JSON_MAX

/* Message types; the answer has the type of the question. */
enum queue_operation {
	QUEUE_OP_NONE = 0,
	QUEUE_OP_FIND,
	QUEUE_OP_COMMIT,
	QUEUE_OP_GET,
	QUEUE_OP_CLAIM_SEAL,
	QUEUE_OP_SEALED,
	QUEUE_OP_SEAL_FAILED,
	QUEUE_OP_CLAIM_DELIVERY,
	QUEUE_OP_DELIVERY_RESULT,
	QUEUE_OP_CONTROL,
	QUEUE_OP_LEDGER,
	QUEUE_OP_STATS,
	QUEUE_OP_LIST,
	QUEUE_OP_EXPLAIN,
	QUEUE_OP_AUDIT_READ,
	QUEUE_OP_CLAIM_HELD,
	QUEUE_OP_JUDGED,
	QUEUE_OP_OUTCOMES,
	QUEUE_OP_OUTCOMES_ACKNOWLEDGE,
	QUEUE_OP_ACT,
	QUEUE_OP_MAINTENANCE,
	QUEUE_OP_BACKUP,
	QUEUE_OP_STATUS_OF,
	QUEUE_OP_CLAIM_RENEWAL,
	QUEUE_OP_RENEWED,
	QUEUE_OP_COMMAND,
	QUEUE_OP_HELD_DUE,
	QUEUE_OP_CLAIM_CALLBACK,
	QUEUE_OP_CALLED_BACK,
	QUEUE_OP_RETENTION,
	QUEUE_OP_ERASE,
	QUEUE_OP_LEGAL_HOLD,
	QUEUE_OP_CLAIM_STAMP,
	QUEUE_OP_STAMPED,
	QUEUE_OP_HEAD,
	QUEUE_OP_HEAD_STAMPED,
	QUEUE_OP_READING,
	QUEUE_OP_SENT,
	QUEUE_OP_PAPER,
	QUEUE_OP_PROPOSE,
	QUEUE_OP_REVIEW,
	QUEUE_OP_REVIEWS,
	QUEUE_OP_BREAKER,
	QUEUE_OP_TRIAL,
	QUEUE_OPERATIONS,
};

/* Held documents of one partner: they are judged again and again, at the cost of all. */
#define QUEUE_HELD_MAX 2000

/* Times of maintenance that are not over, and as many series: all are told, none is in
 * force unseen. */
#define QUEUE_MAINTENANCE_MAX 100

/* Releases that wait for a second person: all are told. */
#define QUEUE_REVIEWS_MAX 100
#define QUEUE_REVIEW_MAX_S (30 * INT64_C(86400))

/* Which descriptors travel with a message, in this order, as bits of `parts`. What intake
 * wrote itself comes in one: the receipt, and the audit record behind it. */
enum queue_part_bit {
	QUEUE_HAS_DOCUMENT = 1,
	QUEUE_HAS_REPORT = 2,
	QUEUE_HAS_RECORD = 4,
};

struct queue_find_request {
	struct queue_submission submission;
};

struct queue_commit_request {
	struct queue_submission submission;
	uint32_t parts;
	uint32_t receipt_len; /* before the record; 0: none */
};

struct queue_get_request {
	char id[DOCUMENT_ID_SIZE];
	char partner[PARTNER_NAME_SIZE]; /* "" for operators */
	uint32_t part;
};

struct queue_claim_request {
	char destination[DESTINATION_NAME_SIZE]; /* "" for sealing */
	uint32_t lease_s;
	uint32_t wait_ms; /* answer EMPTY only after so long */
	uint32_t form;	  /* of a delivery: what the destination wants by now */
};

struct queue_sealed_request {
	char id[DOCUMENT_ID_SIZE];
	char level[QUEUE_LEVEL_SIZE];
	uint64_t fence;
	int64_t renew_at;
};

struct queue_renewed_request {
	char id[DOCUMENT_ID_SIZE];
	char level[QUEUE_LEVEL_SIZE];
	uint64_t fence;
	int64_t due;
};

struct queue_stamped_request {
	char id[DOCUMENT_ID_SIZE];
	uint64_t fence;
	int64_t retry_at; /* without a record */
};

struct queue_head_request {
	uint64_t reserved;
};

struct queue_head_stamped_request {
	int64_t position;
	int64_t time; /* that the token proves */
};

struct queue_seal_failed_request {
	char id[DOCUMENT_ID_SIZE];
	uint64_t fence;
	int64_t retry_at;
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_delivery_result_request {
	char id[DOCUMENT_ID_SIZE];
	char destination[DESTINATION_NAME_SIZE];
	uint64_t fence;
	uint32_t state;
	uint32_t form;	 /* that was sent; 0: of the claim */
	uint32_t absent; /* 1: no attempt before this one has arrived */
	uint32_t reserved;
	int64_t retry_at;
	char reply_id[QUEUE_TEXT_SIZE];
	char detail[QUEUE_TEXT_SIZE];
	struct queue_followed followed;
};

struct queue_breaker_request {
	struct breaker_told told;
};

struct queue_control_request {
	uint32_t verb;
	char id[DOCUMENT_ID_SIZE];
	char destination[DESTINATION_NAME_SIZE];
	char operator_name[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_act_request {
	uint32_t verb;
	uint32_t reserved;
	struct queue_selection selection;
	char to[DESTINATION_NAME_SIZE];
	char operator_name[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_propose_request {
	struct queue_selection selection;
	int64_t seconds;
	char operator_name[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_review_request {
	uint32_t verb;	/* enum queue_review */
	uint32_t state; /* where to go on, as in a selection */
	int64_t after;
	int64_t proposal;
	char operator_name[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_reviews_request {
	uint64_t reserved;
};

struct queue_trial_request {
	uint64_t reserved;
};

struct queue_held_due_request {
	uint64_t reserved;
};

struct queue_maintenance_request {
	uint32_t start; /* 0: end */
	uint32_t reserved;
	struct queue_window window;
	char destination[DESTINATION_NAME_SIZE];
	char operator_name[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_legal_hold_request {
	struct queue_legal_hold hold;
	char operator_name[QUEUE_KEY_SIZE];
	char reason[QUEUE_TEXT_SIZE];
};

struct queue_reading_request {
	char id[DOCUMENT_ID_SIZE];
	char name[QUEUE_KEY_SIZE];
	char what[32];	 /* "evidence", "document" */
	uint32_t reader; /* enum queue_reader */
};

struct queue_paper_request {
	char id[DOCUMENT_ID_SIZE];
	char number[DOCUMENT_NUMBER_SIZE]; /* as paper_fold has it, or "" */
};

#define QUEUE_TIME_SIZE 24 /* "2026-06-05T12:00:00Z" */

struct queue_command_request {
	char operator_name[QUEUE_KEY_SIZE];
	char second[QUEUE_KEY_SIZE]; /* "" where one person is enough */
	char command[QUEUE_DETAIL_SIZE];
	char accept[QUEUE_TIME_SIZE]; /* "" but of the command that accepts the clock */
};

struct queue_backup_request {
	uint32_t start; /* 1: begin one; 0: how far is it */
	uint32_t reserved;
};

struct queue_judged_request {
	char id[DOCUMENT_ID_SIZE];
	uint64_t fence;
	struct queue_judgement judgement;
};

struct queue_stats_request {
	uint32_t shape; /* 1: open deliveries by destination and age, and nothing else */
};

struct queue_outcomes_request {
	char partner[FEED_NAME_SIZE]; /* whose feed */
	int64_t cursor; /* after this one (-1: the acknowledged one); or up to this one */
	uint32_t limit; /* 0 when acknowledging */
	uint32_t reserved;
};

struct queue_callback_request {
	char partner[FEED_NAME_SIZE]; /* whose feed */
	uint32_t lease_s;
	uint32_t limit;
	uint32_t anew; /* 1: what was to be waited for does not count any more */
	uint32_t reserved;
};

struct queue_called_back_request {
	char partner[FEED_NAME_SIZE]; /* whose feed */
	uint64_t fence;
	int64_t cursor; /* up to this one it has them; -1: it has not */
	int64_t retry_at;
};

struct queue_status_request {
	char number[DOCUMENT_NUMBER_SIZE];
	int64_t at;
	struct queue_scope scope;
};

struct queue_ledger_request {
	uint32_t
		walk; /* documents to compare before the answer, at most QUEUE_WALK_MAX */
	uint32_t reserved;
};

struct queue_sent_request {
	char partner[PARTNER_NAME_SIZE];
	int64_t since, until; /* received from the one on and before the other */
	int64_t lately;	      /* and of these, from then on */
};

struct queue_list_request {
	char state[16];
	char partner[PARTNER_NAME_SIZE];
	uint32_t limit;
};

struct queue_explain_request {
	char key[QUEUE_KEY_SIZE];
};

struct queue_audit_read_request {
	int64_t after;
	uint32_t limit;
	uint32_t reserved;
};

/* Every answer; what the operation does not fill is zero. */
struct queue_reply {
	uint32_t answer;	  /* enum queue_answer */
	uint32_t why;		  /* enum queue_why, of QUEUE_UNAVAILABLE */
	struct queue_claim claim; /* claim.document also answers find, commit and get */
};

#endif
