/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/links.h"

#include "common/clock.h"
#include "common/digest.h"
#include "intake/server.h"

#include <errno.h>

#define ROLE "receipt"
#define CERTIFICATES_FRESH_MS 30000

void links_init(struct links *l, const char *queued_socket, const char *signer_socket)
{
	*l = (struct links){ .queued_socket = queued_socket,
		.signer_socket = signer_socket };
}

static void drop_queue(struct links *l)
{
	queue_disconnect(l->queue);
	l->queue = NULL;
}

void links_forget(struct links *l)
{
	receipt_signer_free(l->receipt_signer);
	l->receipt_signer = NULL;
	free(l->certificates);
	l->certificates = NULL;
	l->certificates_len = 0;
}

static void drop_signer(struct links *l)
{
	signer_disconnect(l->signer);
	l->signer = NULL;
	links_forget(l);
}

void links_done(struct links *l)
{
	drop_queue(l);
	drop_signer(l);
}

static int need_queue(struct links *l)
{
	return l->queue ? 0
			: queue_connect(l->queued_socket, QUEUE_TIMEOUT_MS, &l->queue);
}

static int need_signer(struct links *l)
{
	return l->signer
		       ? 0
		       : signer_connect(l->signer_socket, SIGNER_TIMEOUT_MS, &l->signer);
}

/* A second try is for a connection that the other side had closed, as after a restart;
 * one that was silent for the whole time limit gets none. */
static bool again(int r, int attempt)
{
	return r < 0 && r != -EAGAIN && attempt == 0;
}

int links_find(struct links *l, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	int r = -ENOTCONN;

	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_find(l->queue, s, ret_first);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_get(struct links *l, const char *id, const char *partner, enum queue_part part,
	struct queue_document *ret_document, int *ret_fd)
{
	int r = -ENOTCONN;

	*ret_fd = -1;
	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_get(l->queue, id, partner, part, ret_document, ret_fd);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_reading(struct links *l, const char *id, enum queue_reader reader,
	const char *name, const char *what)
{
	int r = -ENOTCONN;

	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_reading(l->queue, id, reader, name, what);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_trial(struct links *l, enum queue_why *ret_why)
{
	int r = -ENOTCONN;

	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_trial(l->queue, ret_why);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_outcomes(
	struct links *l, const char *partner, int64_t after, int limit, int *ret_fd)
{
	int r = -ENOTCONN;

	*ret_fd = -1;
	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_outcomes(l->queue, partner, after, limit, ret_fd);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_acknowledge(struct links *l, const char *partner, int64_t upto, int *ret_fd)
{
	int r = -ENOTCONN;

	*ret_fd = -1;
	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_outcomes_acknowledge(l->queue, partner, upto, ret_fd);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_sent(struct links *l, const char *partner, int64_t since, int64_t until,
	int64_t lately, int *ret_fd)
{
	int r = -ENOTCONN;

	*ret_fd = -1;
	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_sent(l->queue, partner, since, until, lately, ret_fd);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_status_of(struct links *l, const char *number, int64_t at,
	const struct queue_scope *scope, int *ret_fd)
{
	int r = -ENOTCONN;

	*ret_fd = -1;
	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_status_of(l->queue, number, at, scope, ret_fd);
		if (r < 0)
			drop_queue(l);
	}
	return r;
}

int links_commit(struct links *l, const struct queue_submission *s, int document_fd,
	int report_fd, struct span receipt, struct span record,
	struct queue_document *ret_first)
{
	struct queue_document known;
	int r = -ENOTCONN, fd;

	for (int attempt = 0; attempt < 2; attempt++) {
		r = need_queue(l);
		if (r < 0)
			return r;
		r = queue_commit(
			l->queue, s, document_fd, report_fd, receipt, record, ret_first);
		if (r >= 0)
			return r;
		/* It may have happened: only queued knows, under the id of this attempt.
		 */
		drop_queue(l);
		r = links_get(l, s->id, s->partner, QUEUE_META, &known, &fd);
		if (fd >= 0)
			close(fd);
		if (r != QUEUE_NOT_FOUND)
			return r == QUEUE_DONE || r < 0 ? r : -EIO;
	}
	return -EIO;
}

int links_certificates(struct links *l, struct span *ret_certificates)
{
	struct signer_result result;
	int64_t now = clock_monotonic_ms();
	int r = SIGNER_SIGNED;

	if (l->certificates && now - l->certificates_at > CERTIFICATES_FRESH_MS)
		links_forget(l);
	for (int attempt = 0; !l->certificates; attempt++) {
		r = need_signer(l);
		if (r < 0)
			return r;
		r = signer_certificates(
			l->signer, ROLE, &l->certificates, &l->certificates_len, &result);
		if (r < 0)
			drop_signer(l);
		l->certificates_at = now;
		if (!again(r, attempt))
			break;
	}
	if (r == SIGNER_SIGNED)
		*ret_certificates = span_of(l->certificates, l->certificates_len);
	return r;
}

int links_role(struct links *l, const char *role, uint8_t **ret_der, size_t *ret_len,
	struct signer_result *ret_result)
{
	int r = -ENOTCONN;

	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++) {
		r = need_signer(l);
		if (r < 0)
			return r;
		r = signer_certificates(l->signer, role, ret_der, ret_len, ret_result);
		if (r < 0)
			drop_signer(l);
	}
	return r;
}

int links_receipt_signer(struct links *l, const struct receipt_signer **ret_signer)
{
	struct span certificates;
	int r = links_certificates(l, &certificates);

	if (r != SIGNER_SIGNED)
		return r;
	if (!l->receipt_signer)
		r = receipt_signer_new(certificates, &l->receipt_signer);
	if (r < 0) {
		links_forget(l);
		return r;
	}
	*ret_signer = l->receipt_signer;
	return SIGNER_SIGNED;
}

int links_sign(struct links *l, const uint8_t digest[32], const char *document_id,
	struct signer_result *ret_result)
{
	int r;

	/* No second connection here: its certificates could be others than those that the
	 * signing input names. The caller starts again from them. */
	r = need_signer(l);
	if (r < 0)
		return r;
	r = signer_sign(l->signer, ROLE, digest, 32, document_id, ret_result);
	if (r < 0)
		drop_signer(l);
	return r;
}

static int try_receipt(struct links *l, struct signer_result *ret_result)
{
	const struct receipt_signer *signer;
	int r = links_receipt_signer(l, &signer);

	if (r == SIGNER_SIGNED) {
		r = need_signer(l);
		if (r == 0)
			r = signer_trial(l->signer, ROLE, ret_result);
	}
	if (r < 0)
		drop_signer(l);
	return r;
}

int links_try_receipt(struct links *l, struct signer_result *ret_result)
{
	int r = -ENOTCONN;

	*ret_result = (struct signer_result){ 0 };
	for (int attempt = 0; attempt == 0 || again(r, attempt - 1); attempt++)
		r = try_receipt(l, ret_result);
	return r;
}

int links_sign_input(struct links *l, const char *input,
	const struct receipt_signer *signer, const char *document_id, char **ret_text)
{
	struct signer_result result = { 0 };
	uint8_t digest[SHA256_SIZE];
	int r = digest_sha256(span_str(input), digest);

	if (r == 0)
		r = links_sign(l, digest, document_id, &result);
	if (r != SIGNER_SIGNED)
		return r;
	r = receipt_signature_check(input, signer, result.value, result.value_len);
	if (r <= 0) {
		links_forget(l);
		return r;
	}
	r = receipt_assemble(input, result.value, ret_text);
	return r < 0 ? r : SIGNER_SIGNED;
}
