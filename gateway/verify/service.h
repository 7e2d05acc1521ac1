/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The warmed parent of the workers: takes questions, gives each to a worker of its
 * subject, watches time from outside, answers; never maps or reads an input or a report.
 */
#ifndef SEALGATE_VERIFY_SERVICE_H
#define SEALGATE_VERIFY_SERVICE_H

#include "common/instance.h"
#include "common/span.h"
#include "policy/verify_client.h"

#include <jansson.h>
#include <time.h>

#define JOBS_MAX 128u	    /* connections that wait for their question or for a worker */
#define ASK_TIMEOUT_MS 5000 /* from connection to question */
#define WAIT_MAX_MS 2000    /* from question to worker; then VERIFY_BUSY */
#define WALL_MIN_MS 10000   /* least real time for one document */

/* What can be asked. A row is all that a mode is. */
struct mode {
	uint32_t mode;	  /* enum verify_mode */
	const char *peer; /* the program that may ask */
	const char *also; /* another one, or NULL */
	size_t input_max;
	/* Runs in a worker. Return: 0 with verdict and report (a new reference), negative
	 * undecided; -ENOMEM means that the input exhausted the worker's memory. */
	int (*check)(const void *context, const struct verify_request *request,
		struct span input, struct verdict *ret_verdict, json_t **ret_report);
};

struct limits {
	unsigned int workers;
	unsigned int documents; /* of one worker */
	int cpu_ms;		/* of one document */
	size_t memory_mb;	/* that a worker may add */
};

/* A question on its way. */
struct job {
	int connection; /* -1: the slot is free */
	int input;	/* -1 until the question has come */
	uint64_t id;	/* of the message, repeated in the answer */
	uint64_t order;
	int64_t deadline;
	const struct mode *mode;
	struct verify_request request;
};

struct worker {
	pid_t pid; /* 0: the slot is free */
	int socket;
	const struct mode *mode;
	char subject[PARTNER_NAME_SIZE];
	unsigned int served;
	uint64_t last_used;
	bool busy;
	struct job job; /* while busy */
	clockid_t cpu;
	int64_t cpu_start; /* microseconds of CPU when the job began */
	int64_t wall_end;  /* monotonic milliseconds */
	int64_t look_at;   /* when the limits are to be looked at next */
	const char *ended; /* why we killed it, or NULL */
	bool over_limit;   /* killed for CPU time */
};

struct service {
	const struct instance *instance;
	int listener;
	int control; /* hangs up when the service shall end; drains first */
	const struct mode *modes;
	size_t mode_count;
	const void *context; /* for modes[].check */
	const char *policy_digest;
	const char *store_version;
	struct limits limits;

	/* of service_run */
	struct job jobs[JOBS_MAX];
	struct worker *workers; /* limits.workers slots */
	uint64_t order;
	bool draining;
};

/* Serve until control hangs up and the last document is answered. Return: 0 or -errno. */
int service_run(struct service *s);

/* Close what a job holds; its slot is free afterwards. */
void job_done(struct job *j);

/* Give a job to a worker of its mode and subject, an idle or a new one; at the bound an
 * idle worker of another subject is ended first. Return: true when taken (j is free then,
 * also when no worker could be started and the question stays undecided), false: all are
 * busy. */
bool pool_give(struct service *s, struct job *j);

/* How many workers are busy for this mode and subject. */
unsigned int pool_busy_for(const struct service *s, const struct job *j);
bool pool_idle(const struct service *s);

/* A worker's socket is readable or has hung up. */
void pool_event(struct service *s, struct worker *w);

/* Look at the limits of busy workers; kill those over them.
 * Return: milliseconds until the next look, -1 when none is busy. */
int pool_watch(struct service *s);

/* Kill and reap every worker. */
void pool_end(struct service *s);

/* Answer with what a worker decided about this very job. Return: 0, -EBADMSG when it is
 * no verdict on the job's input: then nothing was sent. */
int answer_decided(const struct job *j, const struct verdict *v, int report);

/* Answer for a worker that used up what one document may use: refused, limit.resource. */
void answer_exhausted(const struct service *s, const struct job *j);

#endif
