/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/types.h"

#include <stddef.h>
#include <string.h>

#define BIT(state) (1u << (state))

static const char *const DOCUMENT_TEXT[DOCUMENT_STATES] = {
	[DOCUMENT_NONE] = "none",
	[DOCUMENT_REFUSED] = "refused",
	[DOCUMENT_HELD] = "held",
	[DOCUMENT_ACCEPTED] = "accepted",
	[DOCUMENT_SEALED] = "sealed",
	[DOCUMENT_QUARANTINED] = "quarantined",
	[DOCUMENT_CLEARED] = "cleared",
	[DOCUMENT_WITHDRAWN] = "withdrawn",
	[DOCUMENT_REPLACED] = "replaced",
	[DOCUMENT_SANDBOX] = "sandbox",
};

static const char *const DELIVERY_TEXT[DELIVERY_STATES] = {
	[DELIVERY_NONE] = "none",
	[DELIVERY_WAITING] = "waiting",
	[DELIVERY_QUEUED] = "queued",
	[DELIVERY_SENDING] = "sending",
	[DELIVERY_UNKNOWN] = "unknown",
	[DELIVERY_DELIVERED] = "delivered",
	[DELIVERY_DEFERRED] = "deferred",
	[DELIVERY_REFUSED] = "refused",
	[DELIVERY_EXPIRED] = "expired",
	[DELIVERY_HELD] = "held",
};

static const char *const BREAKER_TEXT[BREAKER_STATES] = {
	[BREAKER_NONE] = "none",
	[BREAKER_CLOSED] = "closed",
	[BREAKER_OPEN] = "open",
	[BREAKER_RAMPING] = "ramping",
};

const char *breaker_state_text(enum breaker_state s)
{
	return s > BREAKER_NONE && s < BREAKER_STATES ? BREAKER_TEXT[s] : BREAKER_TEXT[0];
}

/* Refused is an end: the same octets come back as another document, judged anew. Sandbox
 * is one, too: from there nothing is sealed or sent. */
static const unsigned DOCUMENT_NEXT[DOCUMENT_STATES] = {
	[DOCUMENT_NONE] = BIT(DOCUMENT_REFUSED) | BIT(DOCUMENT_HELD) |
			  BIT(DOCUMENT_ACCEPTED) | BIT(DOCUMENT_SANDBOX),
	[DOCUMENT_HELD] = BIT(DOCUMENT_REFUSED) | BIT(DOCUMENT_ACCEPTED) |
			  BIT(DOCUMENT_WITHDRAWN) | BIT(DOCUMENT_REPLACED),
	[DOCUMENT_ACCEPTED] = BIT(DOCUMENT_SEALED) | BIT(DOCUMENT_QUARANTINED) |
			      BIT(DOCUMENT_WITHDRAWN) | BIT(DOCUMENT_REPLACED),
	[DOCUMENT_QUARANTINED] =
		BIT(DOCUMENT_ACCEPTED) | BIT(DOCUMENT_WITHDRAWN) | BIT(DOCUMENT_REPLACED),
	[DOCUMENT_SEALED] =
		BIT(DOCUMENT_CLEARED) | BIT(DOCUMENT_WITHDRAWN) | BIT(DOCUMENT_REPLACED),
	[DOCUMENT_CLEARED] = BIT(DOCUMENT_WITHDRAWN) | BIT(DOCUMENT_REPLACED),
};

/* Delivered is an end: nothing is ever delivered twice. An unknown outcome goes nowhere
 * but through sending (which looks it up first), a hold, or a deadline. */
static const unsigned DELIVERY_NEXT[DELIVERY_STATES] = {
	[DELIVERY_NONE] = BIT(DELIVERY_WAITING),
	[DELIVERY_WAITING] =
		BIT(DELIVERY_QUEUED) | BIT(DELIVERY_HELD) | BIT(DELIVERY_EXPIRED),
	[DELIVERY_QUEUED] =
		BIT(DELIVERY_SENDING) | BIT(DELIVERY_HELD) | BIT(DELIVERY_EXPIRED),
	[DELIVERY_SENDING] = BIT(DELIVERY_UNKNOWN) | BIT(DELIVERY_DELIVERED) |
			     BIT(DELIVERY_DEFERRED) | BIT(DELIVERY_REFUSED) |
			     BIT(DELIVERY_EXPIRED),
	[DELIVERY_UNKNOWN] =
		BIT(DELIVERY_SENDING) | BIT(DELIVERY_HELD) | BIT(DELIVERY_EXPIRED),
	[DELIVERY_DEFERRED] =
		BIT(DELIVERY_SENDING) | BIT(DELIVERY_HELD) | BIT(DELIVERY_EXPIRED),
	[DELIVERY_REFUSED] = BIT(DELIVERY_QUEUED),
	[DELIVERY_EXPIRED] = BIT(DELIVERY_QUEUED) | BIT(DELIVERY_UNKNOWN),
	[DELIVERY_HELD] = BIT(DELIVERY_WAITING) | BIT(DELIVERY_QUEUED) |
			  BIT(DELIVERY_UNKNOWN) | BIT(DELIVERY_EXPIRED),
};

/* Index of text among texts from 1 on, or 0. */
static unsigned find_text(const char *const *texts, unsigned count, const char *text)
{
	for (unsigned i = 1; text && i < count; i++)
		if (strcmp(texts[i], text) == 0)
			return i;
	return 0;
}

const char *document_state_text(enum document_state s)
{
	return (unsigned)s < DOCUMENT_STATES ? DOCUMENT_TEXT[s] : "none";
}

const char *delivery_state_text(enum delivery_state s)
{
	return (unsigned)s < DELIVERY_STATES ? DELIVERY_TEXT[s] : "none";
}

enum document_state document_state_find(const char *text)
{
	return (enum document_state)find_text(DOCUMENT_TEXT, DOCUMENT_STATES, text);
}

enum delivery_state delivery_state_find(const char *text)
{
	return (enum delivery_state)find_text(DELIVERY_TEXT, DELIVERY_STATES, text);
}

static const char *const RELATION_TEXT[RELATIONS] = {
	[RELATION_NONE] = "",
	[RELATION_WITHDRAWS] = "withdraws",
	[RELATION_REPLACES] = "replaces",
};

const char *document_relation_text(enum document_relation r)
{
	return (unsigned)r < RELATIONS ? RELATION_TEXT[r] : "";
}

enum document_relation document_relation_find(const char *text)
{
	return (enum document_relation)find_text(RELATION_TEXT, RELATIONS, text);
}

static const char *const URGENCY_TEXT[URGENCIES + 1] = { "", "A", "B", "C" };

const char *urgency_text(enum urgency u)
{
	return (unsigned)u <= URGENCIES ? URGENCY_TEXT[u] : "";
}

enum urgency urgency_find(const char *text)
{
	return (enum urgency)find_text(URGENCY_TEXT, URGENCIES + 1, text);
}

bool document_may_become(enum document_state from, enum document_state to)
{
	return (unsigned)from < DOCUMENT_STATES && (unsigned)to < DOCUMENT_STATES &&
	       (DOCUMENT_NEXT[from] & BIT(to));
}

bool delivery_may_become(enum delivery_state from, enum delivery_state to)
{
	return (unsigned)from < DELIVERY_STATES && (unsigned)to < DELIVERY_STATES &&
	       (DELIVERY_NEXT[from] & BIT(to));
}
