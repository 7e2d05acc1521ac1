/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Asking the verify process: the messages and the blocking client; never parses a
 * document.
 */
#ifndef SEALGATE_POLICY_VERIFY_CLIENT_H
#define SEALGATE_POLICY_VERIFY_CLIENT_H

#include "policy/verdict.h"

#include <sys/types.h>

/* One request a connection. Request: struct verify_request and one sealed memfd with the
 * octets; answer: struct verdict and one sealed memfd with the report (JSON). */
enum verify_message {
	VERIFY_ASK = 1,	   /* body: struct verify_request, fds: input */
	VERIFY_ANSWER = 2, /* body: struct verdict, fds: report */
	VERIFY_BUSY = 3,   /* no body: all workers are taken */
};

enum verify_mode {
	VERIFY_DOCUMENT = 1, /* a partner's document: report as below */
	VERIFY_CONTAINER =
		2,	   /* a finished evidence container; decision accepted = valid */
	VERIFY_VIEW = 4,   /* a document for people to read: nothing is judged by it */
	VERIFY_REPLY = 3,  /* a destination's answer; subject names the destination */
	VERIFY_INSIDE = 5, /* an order to make a seal in a document (evidence/inside.h) */
};

struct verify_request {
	uint32_t mode;
	uint32_t reserved;
	int64_t at;			 /* validation time */
	char subject[PARTNER_NAME_SIZE]; /* partner or destination; workers serve one only
					  */
	char document_id[DOCUMENT_ID_SIZE];
	char pad[5];
	uint8_t sha256[SHA256_SIZE]; /* of the input; filled by verify_ask. Who answers
				      * for a worker that died never maps the input. */
};

/* The report: {"findings":[...],"signatures":[...],"facts":{...},
 * "original":{"relation","number"},"policy_digest","store_version"}; for VERIFY_VIEW
 * {"findings":[...],"view":{...}} of document/view.h; for VERIFY_INSIDE the answer to the
 * order; for VERIFY_REPLY
 * {"findings":[...],"reply":{"kind":"ok|fault|unreadable",
 * "id","status","fault_code","fault_text","errors":[...]}}. */

/* Ask and wait at most timeout_ms. input_fd is borrowed. *ret_report_fd is the caller's.
 * The verdict is checked (verdict_ok, sha256 equals expect) before it is returned.
 * Return: 1 answered, 0 busy, -EBADMSG when the verdict is not about expect, -ECONNRESET
 * when verify could not decide, -ETIMEDOUT, -errno. */
int verify_ask(const char *socket_path, const struct verify_request *request,
	int input_fd, const uint8_t expect[SHA256_SIZE], int timeout_ms,
	struct verdict *ret_verdict, int *ret_report_fd);

#endif
