/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One thread's connections to queued and to the signer: opened when needed, opened again
 * once when broken; never repeats a step that might have happened.
 */
#ifndef SEALGATE_INTAKE_LINKS_H
#define SEALGATE_INTAKE_LINKS_H

#include "common/span.h"
#include "evidence/receipt.h"
#include "pkcs11/client.h"
#include "queue/client.h"

struct links {
	const char *queued_socket; /* borrowed */
	const char *signer_socket;
	struct queue *queue; /* NULL while not connected */
	struct signer *signer;
	/* Of the receipt role: asked for anew with each connection, and after a while,
	 * since a key may get another certificate. */
	uint8_t *certificates;
	size_t certificates_len;
	int64_t certificates_at;	       /* monotonic ms */
	struct receipt_signer *receipt_signer; /* of these certificates */
};

void links_init(struct links *l, const char *queued_socket, const char *signer_socket);
void links_done(struct links *l);

/* queue_find and queue_get. Return: as those; negative: queued is away. */
int links_find(struct links *l, const struct queue_submission *s,
	struct queue_document *ret_first);
int links_get(struct links *l, const char *id, const char *partner, enum queue_part part,
	struct queue_document *ret_document, int *ret_fd);

/* queue_reading of what a system is about to be given; to record twice is to record once.
 * Return: as that; negative: queued is away. */
int links_reading(struct links *l, const char *id, enum queue_reader reader,
	const char *name, const char *what);

/* queue_trial; to commit nothing twice is to commit it once. Return: as that; negative:
 * queued is away. */
int links_trial(struct links *l, enum queue_why *ret_why);

/* queue_outcomes and queue_outcomes_acknowledge; to acknowledge twice is to acknowledge
 * once. Return: as those; negative: queued is away. */
int links_outcomes(
	struct links *l, const char *partner, int64_t after, int limit, int *ret_fd);
int links_acknowledge(struct links *l, const char *partner, int64_t upto, int *ret_fd);

/* queue_sent. Return: as that; negative: queued is away. */
int links_sent(struct links *l, const char *partner, int64_t since, int64_t until,
	int64_t lately, int *ret_fd);

/* queue_status_of. Return: as that; negative: queued is away. */
int links_status_of(struct links *l, const char *number, int64_t at,
	const struct queue_scope *scope, int *ret_fd);

/* queue_commit; when the connection breaks, asks whether the id was committed and commits
 * only if it was not. Return: as queue_commit; negative: nobody knows, ask again later.
 */
int links_commit(struct links *l, const struct queue_submission *s, int document_fd,
	int report_fd, struct span receipt, struct span record,
	struct queue_document *ret_first);

/* The certificates of the receipt role, borrowed until the next call of links_sign or
 * links_forget. Return: enum signer_answer, negative: the signer is away. */
int links_certificates(struct links *l, struct span *ret_certificates);

/* signer_certificates of any role. Return: as that. The caller frees *ret_der. */
int links_role(struct links *l, const char *role, uint8_t **ret_der, size_t *ret_len,
	struct signer_result *ret_result);

/* The same, ready for receipts. Return: as links_certificates. */
int links_receipt_signer(struct links *l, const struct receipt_signer **ret_signer);

/* Sign a SHA-256 digest in role receipt. Return: as links_certificates. */
int links_sign(struct links *l, const uint8_t digest[32], const char *document_id,
	struct signer_result *ret_result);

/* Sign a signing input that names the certificates of links_receipt_signer, check the
 * signature against them and assemble what is sent; the caller frees *ret_text. Return:
 * SIGNER_SIGNED; SIGNER_UNDECIDED when the signature does not go with the certificates,
 * which are forgotten then; else as links_sign. */
int links_sign_input(struct links *l, const char *input,
	const struct receipt_signer *signer, const char *document_id, char **ret_text);

/* Would a receipt be signed now? By the same connection, certificates and key, with
 * nothing signed that is one. Return: as links_certificates; with *ret_result why not,
 * where the signer says so. */
int links_try_receipt(struct links *l, struct signer_result *ret_result);

/* Forget the signer's certificates: they do not go with its key any more. */
void links_forget(struct links *l);

#endif
