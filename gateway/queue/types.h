/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Documents and deliveries as the queue keeps them, and their legal transitions in one
 * table; never an engine, never a socket.
 */
#ifndef SEALGATE_QUEUE_TYPES_H
#define SEALGATE_QUEUE_TYPES_H

#include "common/digest.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum document_state {
	DOCUMENT_NONE = 0,
	DOCUMENT_REFUSED,
	DOCUMENT_HELD,
	DOCUMENT_ACCEPTED,
	DOCUMENT_SEALED,
	DOCUMENT_QUARANTINED, /* could not be sealed: an operator decides */
	DOCUMENT_CLEARED,
	DOCUMENT_WITHDRAWN,
	DOCUMENT_REPLACED,
	DOCUMENT_SANDBOX, /* a rehearsal: judged, and nothing more ever */
	DOCUMENT_STATES,
};

enum delivery_state {
	DELIVERY_NONE = 0,
	DELIVERY_WAITING, /* the document is not sealed yet */
	DELIVERY_QUEUED,
	DELIVERY_SENDING,
	DELIVERY_UNKNOWN, /* sent, no answer: to be looked up before anything else */
	DELIVERY_DELIVERED,
	DELIVERY_DEFERRED,
	DELIVERY_REFUSED, /* by the destination, for good */
	DELIVERY_EXPIRED,
	DELIVERY_HELD, /* by an operator */
	DELIVERY_STATES,
};

const char *document_state_text(enum document_state s);
const char *delivery_state_text(enum delivery_state s);
enum document_state document_state_find(const char *text);
enum delivery_state delivery_state_find(const char *text);

/* The table of legal transitions. */
bool document_may_become(enum document_state from, enum document_state to);
bool delivery_may_become(enum delivery_state from, enum delivery_state to);

/* Of a destination: all attempts go, none but a trial now and then, fewer than all. */
enum breaker_state {
	BREAKER_NONE = 0,
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_RAMPING,
	BREAKER_STATES,
};

const char *breaker_state_text(enum breaker_state s);

/* What a document says about earlier ones of the same partner, country and type. */
enum document_relation {
	RELATION_NONE = 0,
	RELATION_WITHDRAWS, /* they were taken back */
	RELATION_REPLACES,  /* this one stands in their place */
	RELATIONS,
};

const char *document_relation_text(enum document_relation r); /* "" for none */
enum document_relation document_relation_find(const char *text);

/* Destinations that a document is committed with; deliveries that it may come to have. */
#define QUEUE_LEVEL_SIZE 8 /* "B", "T", "LT", "LTA", with the NUL */
#define QUEUE_DESTINATIONS_MAX 8
#define QUEUE_DELIVERIES_MAX 32

/* Behind a destination's name: what else is done there about a document that it has, a
 * delivery of its own: the EU's decision is asked for, clearance is told. */
#define DESTINATION_NOTICE '/'
#define NOTICE_DECISION "/decision"
#define NOTICE_CLEARED "/cleared"

/* The feed of a destination that pulls: this before its name, where a partner's name
 * stands else. No partner's name has a colon. */
#define FEED_PREFIX "customs:"

/* The feed of a partner's rehearsals: this before its name. What was rehearsed is never
 * among what a partner's own feed has, also where the lane becomes a real one. */
#define SANDBOX_FEED_PREFIX "sandbox:"

/* Of any feed, with the NUL. */
#define FEED_NAME_SIZE (PARTNER_NAME_SIZE + 16)

/* What follows from a delivery. */
enum queue_follow {
	FOLLOW_NONE = 0,
	FOLLOW_DECISION, /* ask there for the decision, from a time on */
	FOLLOW_CLEARED,	 /* the decision is favourable: the document is cleared */
	FOLLOW_FEED,	 /* put it into the feed that the destination reads */
	FOLLOWS,
};

struct queue_followed {
	uint32_t what; /* enum queue_follow */
	uint32_t tell_count;
	int64_t at; /* FOLLOW_DECISION */
	/* FOLLOW_CLEARED: who is to be told, of those that it was sent to */
	char tell[QUEUE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
};

/* Before the type of a sandbox's document: what is rehearsed never has the key (country,
 * type, number, status) of a real document. No type's name has a '/'. */
#define SANDBOX_PREFIX "sandbox/"

/* Who reads: a partner's or a customs office's system, on record the first time, or a
 * person, on record once a day. */
enum queue_reader { READER_NONE = 0, READER_PARTNER, READER_CUSTOMS, READER_PERSON };

/* How urgent a consignment is: of seven passes through the partners that wait four are
 * for A, two for B and one for C. */
enum urgency { URGENCY_NONE = 0, URGENCY_A, URGENCY_B, URGENCY_C };
#define URGENCIES 3
const char *urgency_text(enum urgency u); /* "A", "" for none */
enum urgency urgency_find(const char *text);

/* How many turns in a row a partner may take. */
#define SHARE_MAX 16

/* What is known of a document when it is committed. */
struct queue_submission {
	char id[DOCUMENT_ID_SIZE];
	char partner[PARTNER_NAME_SIZE];
	uint8_t sha256[SHA256_SIZE];
	char country[COUNTRY_SIZE]; /* issuing */
	char import_country[COUNTRY_SIZE];
	char type[DOCUMENT_TYPE_SIZE];
	char number[DOCUMENT_NUMBER_SIZE];
	char status[STATUS_SIZE];
	uint32_t state;	  /* enum document_state: refused, held, accepted or sandbox */
	uint32_t size;	  /* octets of the document */
	int64_t received; /* seconds */
	int64_t held_until;
	char hold_reason[64];
	char policy_digest[SHA256_TEXT_SIZE];
	char store_version[SHA256_TEXT_SIZE];
	char destinations[QUEUE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	uint32_t destination_count;
	char correlation[64];
	uint32_t relation; /* enum document_relation, to documents of this number: */
	char original[DOCUMENT_NUMBER_SIZE];
	uint32_t urgency; /* enum urgency; none: B */
	uint32_t share;	  /* turns of the partner, 1 to SHARE_MAX; 0: one */
	int64_t rank;	  /* seconds: among its partner's of one urgency the first goes
			   * first; 0: as if it arrived when it was received */
	/* The paper of an outage that it makes electronic, as paper_fold() has it; or "".
	 */
	char paper[DOCUMENT_NUMBER_SIZE];
};

/* The number of a paper as it is compared and searched: one space where there is white
 * space, ASCII letters as capitals; cut to the size between characters. */
void paper_fold(const char *text, char ret_number[DOCUMENT_NUMBER_SIZE]);

/* The document that was there first, or the one asked for. */
struct queue_document {
	char id[DOCUMENT_ID_SIZE];
	char partner[PARTNER_NAME_SIZE];
	uint8_t sha256[SHA256_SIZE];
	char country[COUNTRY_SIZE];
	char import_country[COUNTRY_SIZE];
	char type[DOCUMENT_TYPE_SIZE];
	char number[DOCUMENT_NUMBER_SIZE];
	char status[STATUS_SIZE];
	uint32_t state;
	uint32_t size;
	int64_t received;
	int64_t held_until;
	char hold_reason[64];
	char policy_digest[SHA256_TEXT_SIZE];
	char store_version[SHA256_TEXT_SIZE];
};

/* In how many forms a document may be sent; which they are is between those that send. */
#define QUEUE_FORM_MAX 3

/* Work handed out under a lease; fence makes a late worker harmless. */
struct queue_claim {
	struct queue_document document;
	char destination[DESTINATION_NAME_SIZE]; /* "" for sealing */
	uint64_t fence;
	uint32_t attempt;  /* 1 for the first */
	uint32_t look_up;  /* 1: an earlier attempt may have arrived, look it up first */
	int64_t first_try; /* seconds; 0 when this is it */
	char level[QUEUE_LEVEL_SIZE]; /* of a container that is to get more */
	uint32_t stamped; /* 1: QUEUE_RECORD is there, of the time when it was held */
	/* What the document says about an earlier one, and what that one is called at
	 * this destination ("" when it is not known there). */
	uint32_t relation; /* enum document_relation */
	uint32_t
		ended; /* 1: withdrawn or replaced meanwhile: look it up, never send it */
	uint32_t form; /* of a delivery: that of this attempt; with look_up that of the
			* one that may have arrived. 0: none was named */
	char original[DOCUMENT_NUMBER_SIZE];
	char original_reply[DOCUMENT_REPLY_SIZE];
};

/* A later verdict on a held document. */
struct queue_judgement {
	uint32_t state; /* enum document_state: accepted, refused, or held again */
	uint32_t reserved;
	int64_t retry_at;   /* held again: when to judge next */
	int64_t held_until; /* held again */
	char hold_reason[64];
	char policy_digest[SHA256_TEXT_SIZE];
	char store_version[SHA256_TEXT_SIZE];
};

#endif
