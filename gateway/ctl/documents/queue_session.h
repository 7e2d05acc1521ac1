/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading the queue of an instance from the command line, whether queued runs or not;
 * never opens the database: a queued that is started for the session does.
 */
#ifndef SEALGATE_CTL_QUEUE_SESSION_H
#define SEALGATE_CTL_QUEUE_SESSION_H

#include "common/cleanup.h"
#include "common/instance.h"
#include "queue/client.h"

#include <jansson.h>

struct queue_session {
	struct instance instance;
	struct queue *queue;
	pid_t child; /* 0: queued was running */
};

/* Open the instance of SEALGATE_INSTANCE and its queue; says on standard error why not.
 * Return: EXIT_CLEAN, EXIT_USAGE (there is no such instance), EXIT_INTERNAL. */
int queue_session_open(struct queue_session *s);
void queue_session_close(struct queue_session *s);
#define _cleanup_session_ _cleanup_(queue_session_close)

/* Say on standard error what an answer that is not DONE means. subject may be NULL.
 * Return: EXIT_NOT_PASSED for "there is none", else EXIT_INTERNAL. */
int queue_session_explain(int answer, const char *subject);

/* The same of a command that takes an id and nothing else: what is none is told so. */
int queue_session_explain_id(int answer, const char *id);

/* Read a descriptor's JSON and close it. NULL when it cannot be read. */
json_t *queue_session_json(int fd);

/* The signer's status: a new reference, or NULL while it does not answer. */
json_t *queue_session_signer(const struct queue_session *s);

/* What of the figures, and of the signer's status (NULL: none), somebody should look at:
 * as forecast_warnings and budget_warn. */
json_t *queue_session_warnings(
	const struct queue_session *s, const json_t *figures, const json_t *signer);

/* Give a document of an answer the "findings" of its report; none when it has no report.
 */
void queue_session_add_findings(struct queue_session *s, json_t *document);

#endif
