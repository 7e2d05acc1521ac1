/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Stand-ins for verify, queued and the signer that speak the real messages over real
 * sockets and can be told to fail; never part of a program.
 */
#ifndef SEALGATE_TESTS_INTAKE_FAKES_H
#define SEALGATE_TESTS_INTAKE_FAKES_H

#include "common/ipc.h"
#include "house.h"
#include "policy/verdict.h"
#include "queue/protocol.h"

#include <pthread.h>

#define FAKE_CONNECTIONS 64
#define FAKE_DOCUMENTS 256

/* One thread that answers every connection in turn. */
struct fake_daemon {
	char path[108];
	int listening, stop;
	pthread_t thread;
	/* Answer a question. Return: false to break the connection instead. */
	bool (*answer)(void *arg, int socket, struct ipc_message *m);
	void *arg;
	unsigned int connections; /* accepted so far */
};

void fake_start(struct fake_daemon *d, const struct house *h, const char *name,
	bool (*answer)(void *, int, struct ipc_message *), void *arg);
void fake_stop(struct fake_daemon *d);

enum verify_mood {
	VERIFY_NORMAL = 0,
	VERIFY_IS_BUSY,
	VERIFY_OTHER_OCTETS,
	VERIFY_ZEROED,
	VERIFY_BREAKS
};

struct fake_verify {
	struct fake_daemon daemon;
	pthread_mutex_t lock;
	enum verify_mood mood;
	struct verdict verdict; /* sha256 and policy digest are filled in */
	const char *policies; /* whose digest the verdict names; NULL: an invented one */
	char report[2048];
	bool number_by_content; /* every other body is another document */
	unsigned int asked;
	char subject[PARTNER_NAME_SIZE]; /* of the last question */
};

enum queue_mood {
	QUEUE_NORMAL = 0,
	QUEUE_CANNOT_WRITE,
	QUEUE_BREAKS_BEFORE_COMMIT,
	QUEUE_BREAKS_AFTER_COMMIT,
	QUEUE_BREAKS_ALWAYS
};

struct fake_document {
	struct queue_document document;
	int parts[5]; /* by bit of enum queue_part_bit; document, report, receipt, record
		       */
	int container;
	bool leased; /* to whoever judges again; its lease never runs out by itself */
};

struct fake_queue {
	struct fake_daemon daemon;
	pthread_mutex_t lock;
	enum queue_mood mood;
	bool held_full; /* for any partner */
	struct fake_document documents[FAKE_DOCUMENTS];
	size_t count;
	unsigned int commits;		  /* asked for */
	unsigned int trials;		  /* the same, of nothing */
	enum queue_why why;		  /* where it cannot write */
	unsigned int counts;		  /* of what was sent: the same */
	struct queue_sent_request sent;	  /* the last of them */
	unsigned int judged;		  /* later verdicts told */
	pthread_cond_t told;		  /* one of them came */
	struct queue_judgement judgement; /* the last of them */
	bool judged_report;		  /* it came with a report */
	const char *json; /* answers META, EVENTS, OUTCOMES, STATUS_OF; NULL: an invented
			     one */
	int64_t last;	  /* cursor that was given out; a later one is illegal */
	struct queue_outcomes_request outcomes; /* last asked */
	struct queue_status_request status;
};

enum signer_mood {
	SIGNER_NORMAL = 0,
	SIGNER_IS_AWAY,
	SIGNER_OTHER_KEY,
	SIGNER_BREAKS,
	SIGNER_NOT_FOR_US, /* it gives certificates, and signs nothing */
};

struct fake_signer {
	struct fake_daemon daemon;
	pthread_mutex_t lock;
	enum signer_mood mood;
	const struct house *house;
	unsigned int signatures;
	unsigned int trials;
};

void fake_verify_start(struct fake_verify *v, const struct house *h);
void fake_queue_start(struct fake_queue *q, const struct house *h);
void fake_queue_stop(struct fake_queue *q);
void fake_signer_start(struct fake_signer *s, const struct house *h);

/* Accepted phytosanitary certificate NUMBER from Kenya to the Netherlands, without
 * findings. */
void fake_verify_accepts(struct fake_verify *v, const char *number);

#endif
