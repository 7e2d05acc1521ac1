/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One attempt to seal one document: prepare, sign, time-stamp, validate; never tells the
 * queue, never waits for what is away.
 */
#ifndef SEALGATE_SEAL_ATTEMPT_H
#define SEALGATE_SEAL_ATTEMPT_H

#include "common/buf.h"
#include "common/daemon.h"
#include "connectors/profile.h"
#include "pkcs11/client.h"
#include "policy/degraded.h"
#include "seal/anchors.h"
#include "seal/authorities.h"
#include "seal/certificates.h"
#include "seal/clock_guard.h"
#include "seal/receipt_waits.h"
#include "seal/renewal.h"
#include "seal/seats.h"
#include "seal/tsa.h"

#define ATTEMPT_REASON_SIZE 240

enum attempt_outcome {
	ATTEMPT_UNDECIDED = 0,
	ATTEMPT_SEALED,
	ATTEMPT_AWAY,	 /* something that every document needs */
	ATTEMPT_LATER,	 /* this document alone */
	ATTEMPT_FAULTY,	 /* the container does not validate, or cannot be one */
	ATTEMPT_STOPPED, /* the daemon shall stop */
};

struct batches;

/* What the threads have in common. */
struct seal_house {
	const struct daemon *daemon;
	char signer_socket[PATH_MAX], verify_socket[PATH_MAX], queued_socket[PATH_MAX];
	const char *instance_name;
	bool test;
	struct authorities authorities;
	struct batches *batches; /* NULL: none, whatever the rule says */
	struct seats seats;
	struct renewal_rule renewal;
	struct degraded_rule degraded; /* while no authority gives a time-stamp */
	int lease_s;
	struct anchors anchors;
	struct profiles *profiles; /* of the destinations */
	struct clock_guard clock;
	struct receipt_waits receipts;
	const struct instance
		*clock_watched; /* see common/clock_watch.h; NULL: by nobody */
	const char *proxy;	/* to time-stamping authorities; NULL or "": none */
};

/* What one thread keeps from document to document. */
struct seal_tools {
	struct seal_house *house;
	struct signer *signer;			  /* NULL: not connected */
	struct certificates certificates, inside; /* of both roles */
	struct tsa *tsa[AUTHORITIES_MAX];	  /* NULL: not made yet */
};

void seal_tools_done(struct seal_tools *t);

/* Which seals a document's destinations want in the document itself. */
struct inside_wants {
	bool parallel, counter;
};

/* What is to be sealed; borrowed. */
struct seal_input {
	const char *document_id, *partner;
	struct inside_wants inside;
	int64_t received;
	uint32_t attempt; /* 1 for the first */
	struct span document, report, receipt;
	struct span record; /* made while the document was held; empty: none */
};

struct attempt {
	enum attempt_outcome outcome;
	const char *code; /* of the message catalogue: "seal.tsa-away" */
	char reason[ATTEMPT_REASON_SIZE];
	int container_fd;      /* sealed memfd; -1 unless sealed; the caller closes */
	int64_t gen_time;      /* of the time-stamp */
	enum seal_level level; /* of the container */
	bool bare;	       /* and nothing in it proves a time */
};

void attempt_run(
	struct seal_tools *t, const struct seal_input *input, struct attempt *ret);

#endif
