/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the parts of forward share: the instance, one courier for each thread, the outcome
 * of an attempt; never anything that outlives the process.
 */
#ifndef SEALGATE_FORWARD_FORWARD_H
#define SEALGATE_FORWARD_FORWARD_H

#include "common/buf.h"
#include "common/daemon.h"
#include "connectors/profile.h"
#include "forward/pace.h"
#include "queue/client.h"

#include <curl/curl.h>
#include <jansson.h>

/* Credentials of a destination, credentials/destinations/NAME.cfg. */
struct credentials {
	char *username, *key, *client_id; /* WS-Security */
	char *certificate, *private_key;  /* TLS client, absolute paths */
};

struct courier {
	const struct daemon *daemon;
	const struct profile *profile;
	const char *destination;	 /* that it claims for: the profile's name, or of
					  * one of its notices */
	const struct profiles *profiles; /* all */
	const struct credentials *credentials;
	struct pace *pace;   /* shared by the couriers of a destination */
	uint32_t crew;	     /* by what queued tells it from one of another run */
	struct queue *queue; /* NULL while disconnected */
	CURL *curl;
	bool outside; /* a name must not lead to an address of the machine's own nets */
};

/* What came of one exchange over HTTP. */
struct destination_answer {
	enum {
		EXCHANGE_NONE = 0,
		EXCHANGE_NOT_SENT,  /* nothing of the body, and there is one: nothing can
				     * have happened there */
		EXCHANGE_AMBIGUOUS, /* sent, no whole answer */
		EXCHANGE_ANSWERED,
	} outcome;
	long http_status;
	long retry_after_s;
	struct buf body;
	char error[160];
};

/* What is to be recorded of an attempt. Zero is DELIVERY_NONE: nothing may be recorded.
 */
struct delivery_attempt {
	enum delivery_state state;
	int64_t retry_after_s; /* of deferred and unknown */
	char reply_id[128];
	char detail[256];
	uint32_t form;	 /* that was sent; 0: of the claim */
	bool absent;	 /* looked up first, and it was not there */
	bool answered;	 /* it works over there, though nothing is done yet */
	bool favourable; /* of a decision that is delivered */
};

/* Read credentials; an absent name gives empty ones. Return: 0, -EINVAL, -errno. */
int credentials_load(const struct instance *instance, const char *name,
	struct credentials *ret, char **ret_error);
void credentials_done(struct credentials *c);

/* Partners' call-backs: one thread each, by the policy in force, as long as the daemon
 * lives; d is borrowed until callbacks_join. Return: 0 or negative. */
struct callbacks;
int callbacks_start(const struct daemon *d, struct callbacks **ret);
void callbacks_join(struct callbacks *c); /* NULL-safe */

/* Keep a handle from connecting to addresses that are not public, unless the address
 * itself is what policy names. */
void egress_guard(CURL *curl);

/* POST (body.data not NULL) or GET; answers are capped at LIMIT_REPLY, no redirects. The
 * caller releases e->body. headers are borrowed. Return: 0 or -ENOMEM. */
int exchange(struct courier *c, const char *url, const struct curl_slist *headers,
	struct span body, struct destination_answer *ret);

/* Have a verify worker read an answer. *ret_reply: a new reference (connectors/reply.h).
 * Return: 1 read, 0 busy, negative undecided. */
int read_reply(const struct courier *c, struct span body, json_t **ret_reply);

/* What the evidence has of it, of enum profile_inside: the container, and the document
 * with the seal in it at either place, empty where there is none. */
#define DELIVERY_FORMS QUEUE_FORM_MAX
struct delivery_content {
	struct span forms[DELIVERY_FORMS];
	struct span wanted; /* by the destination; empty: it cannot be had */
};

/* The name of what a destination wants, for its claims. */
static inline uint32_t form_wanted(const struct profile *p)
{
	return (uint32_t)p->inside + 1;
}

/* Record that what the destination wants cannot be had. */
void attempt_impossible(struct delivery_attempt *a);

/* Carry one claimed delivery out, look-up first when its last outcome is unknown: also
 * when what the destination wants by now cannot be had. */
void deliver_soap(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret);
void deliver_push(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret);

/* Ask a destination for its decision on a document that is there. */
void ask_decision(
	struct courier *c, const struct queue_claim *claim, struct delivery_attempt *ret);

/* What follows from an attempt that delivered something. */
void follow(const struct courier *c, const struct queue_claim *claim,
	const struct delivery_attempt *a, int64_t now, struct queue_followed *ret);

/* Is the claim for this notice of a destination? */
bool claim_is(const struct queue_claim *claim, const char *notice);

/* What came of a push, by its answer; reply as of connectors/reply.h, or NULL. unknown:
 * so is the outcome of an earlier attempt, and only an acknowledgement or a refusal ends
 * that. */
void push_answer(const struct destination_answer *e, const json_t *reply, bool unknown,
	struct delivery_attempt *a);

/* What an answer to a push's look-up says. Return: as soap_found(). */
int push_found(const struct destination_answer *e, const json_t *reply,
	struct delivery_attempt *ret);

/* Look a document up. Return: as soap_found(). *ret_reply: a new reference or NULL. */
int soap_look_up(struct courier *c, const struct queue_claim *claim, json_t **ret_reply,
	struct delivery_attempt *ret);

/* What an answer to a submission says; reply as of connectors/reply.h, or NULL. Whatever
 * does not say that nothing was done over there is DELIVERY_UNKNOWN. */
void soap_answer(long http_status, const json_t *reply, struct delivery_attempt *a);

/* What an answer to a look-up says. Return: 1 it is there (*ret filled), 0 the answer
 * says that it is not, -1 still unknown (*ret filled). */
int soap_found(const struct destination_answer *e, const json_t *reply,
	struct delivery_attempt *ret);

/* Fill an attempt; detail is formatted. */
void attempt_set(struct delivery_attempt *a, enum delivery_state state,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Seconds before the next try: doubling from the profile's first to its maximum, jittered
 * by a quarter so that documents that failed together do not return together. */
int64_t retry_delay(const struct profile *p, uint32_t attempt, uint32_t random);

/* Has a delivery been tried for too long? The clock alone cannot say so, it may have been
 * set a day ahead: at least half the attempts that so long a time must have seen were
 * made.
 */
bool retry_is_over(const struct profile *p, const struct queue_claim *claim, int64_t now);

#endif
