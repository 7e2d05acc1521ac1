/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/client.h"

#include "common/ipc.h"
#include "common/memfd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define SIGNER_LONG_MAX                                                                  \
	(512u * 1024) /* certificates of a role, status, what was done                   \
		       */

struct signer {
	int socket;
};

int signer_connect(const char *socket_path, int timeout_ms, struct signer **ret_signer)
{
	struct signer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->socket = ipc_connect(socket_path, timeout_ms);
	if (s->socket < 0) {
		int r = s->socket;

		free(s);
		return r;
	}
	*ret_signer = s;
	return 0;
}

void signer_disconnect(struct signer *s)
{
	if (!s)
		return;
	close(s->socket);
	free(s);
}

void signer_interrupt(struct signer *s)
{
	shutdown(s->socket, SHUT_RDWR);
}

static bool result_ok(const struct signer_result *r)
{
	bool known = r->answer == SIGNER_SIGNED || r->answer == SIGNER_REFUSED ||
		     r->answer == SIGNER_AWAY;

	return known && r->value_len <= sizeof(r->value) &&
	       ipc_text_ok(r->mechanism, sizeof(r->mechanism)) &&
	       ipc_text_ok(r->reason, sizeof(r->reason));
}

/* Ask; *ret_result is zeroed (undecided) unless an answer came. */
static int ask_with(struct signer *s, enum signer_message type, const void *q,
	size_t q_len, struct ipc_message *ret_answer, struct signer_result *ret_result)
{
	const struct signer_result *body;
	int r;

	memset(ret_result, 0, sizeof(*ret_result));
	r = ipc_call(s->socket, (uint16_t)type, q, q_len, NULL, 0, ret_answer);
	if (r < 0)
		return r;
	body = ipc_body(ret_answer, sizeof(*body));
	if (ret_answer->header.type != SIGNER_RESULT || !body || !result_ok(body))
		return -EPROTO;
	*ret_result = *body;
	return (int)body->answer;
}

static int ask(struct signer *s, enum signer_message type, const struct signer_request *q,
	struct ipc_message *ret_answer, struct signer_result *ret_result)
{
	return ask_with(s, type, q, sizeof(*q), ret_answer, ret_result);
}

static int request_init(
	struct signer_request *q, const char *role, const char *document_id)
{
	size_t role_len = strlen(role), id_len = strlen(document_id);

	memset(q, 0, sizeof(*q));
	if (role_len >= sizeof(q->role) || id_len >= sizeof(q->document_id))
		return -EINVAL;
	memcpy(q->role, role, role_len);
	memcpy(q->document_id, document_id, id_len);
	return 0;
}

int signer_sign(struct signer *s, const char *role, const uint8_t *digest,
	size_t digest_len, const char *document_id, struct signer_result *ret_result)
{
	struct signer_request q;
	struct ipc_message answer;
	int r = request_init(&q, role, document_id);

	memset(ret_result, 0, sizeof(*ret_result));
	if (r < 0 || digest_len > sizeof(q.digest))
		return -EINVAL;
	q.digest_len = (uint8_t)digest_len;
	memcpy(q.digest, digest, digest_len);
	r = ask(s, SIGNER_SIGN, &q, &answer, ret_result);
	ipc_message_done(&answer);
	if (r == SIGNER_SIGNED && ret_result->value_len == 0)
		return -EPROTO;
	return r;
}

int signer_trial(struct signer *s, const char *role, struct signer_result *ret_result)
{
	struct signer_request q;
	struct ipc_message answer;
	int r = request_init(&q, role, "");

	memset(ret_result, 0, sizeof(*ret_result));
	if (r < 0)
		return r;
	r = ask(s, SIGNER_TRIAL, &q, &answer, ret_result);
	ipc_message_done(&answer);
	return ret_result->value_len ? -EPROTO : r;
}

/* Copy what came as a memfd. */
static int take_long(struct ipc_message *answer, uint8_t **ret_data, size_t *ret_len)
{
	struct span span;
	int r = memfd_map(answer->fds[0], SIGNER_LONG_MAX, &span);

	if (r < 0)
		return r;
	*ret_data = malloc(span.len + 1);
	if (*ret_data) {
		memcpy(*ret_data, span.data, span.len);
		(*ret_data)[span.len] = '\0';
		*ret_len = span.len;
	}
	memfd_unmap(&span);
	return *ret_data ? 0 : -ENOMEM;
}

static int ask_long(struct signer *s, enum signer_message type, const char *role,
	uint8_t **ret_data, size_t *ret_len, struct signer_result *ret_result)
{
	struct signer_request q;
	struct ipc_message answer;
	int r = request_init(&q, role, ""), copied;

	*ret_data = NULL;
	*ret_len = 0;
	memset(ret_result, 0, sizeof(*ret_result));
	if (r < 0)
		return r;
	r = ask(s, type, &q, &answer, ret_result);
	if (r == SIGNER_SIGNED) {
		copied = take_long(&answer, ret_data, ret_len);
		r = copied < 0 ? copied : r;
	}
	ipc_message_done(&answer);
	return r;
}

int signer_callback(struct signer *s, const struct signer_callback *callback,
	char **ret_jws, struct signer_result *ret_result)
{
	struct ipc_message answer;
	uint8_t *text = NULL;
	size_t len;
	int copied, r = ask_with(s, SIGNER_CALLBACK, callback, sizeof(*callback), &answer,
			    ret_result);

	*ret_jws = NULL;
	if (r == SIGNER_SIGNED) {
		copied = answer.header.fd_count == 1 ? take_long(&answer, &text, &len)
						     : -EPROTO;
		r = copied < 0 ? copied : r;
	}
	ipc_message_done(&answer);
	*ret_jws = (char *)text;
	return r;
}

int signer_certificates(struct signer *s, const char *role, uint8_t **ret_der,
	size_t *ret_len, struct signer_result *ret_result)
{
	return ask_long(s, SIGNER_CERTIFICATE, role, ret_der, ret_len, ret_result);
}

int signer_role_certificates(
	void *signer, const char *role, uint8_t **ret_der, size_t *ret_len)
{
	struct signer_result result = { 0 };
	int r = signer_certificates(signer, role, ret_der, ret_len, &result);

	return r < 0 ? r : r == SIGNER_SIGNED;
}

int signer_status(struct signer *s, char **ret_json)
{
	struct signer_result result;
	uint8_t *data;
	size_t len;
	int r = ask_long(s, SIGNER_STATUS, "", &data, &len, &result);

	*ret_json = (char *)data;
	if (r < 0)
		return r;
	return data ? 0 : -EPERM;
}

int signer_order(struct signer *s, const struct signer_order *order, struct span given,
	char **ret_text)
{
	int r, copied, fd = given.len ? memfd_from("given", given) : -1;
	const struct signer_result *result;
	struct ipc_message answer;
	uint8_t *text = NULL;
	size_t len;

	*ret_text = NULL;
	if (given.len && fd < 0)
		return fd;
	r = ipc_call(
		s->socket, SIGNER_ORDER, order, sizeof(*order), &fd, fd >= 0, &answer);
	if (fd >= 0)
		close(fd);
	result = r == 0 ? ipc_body(&answer, sizeof(*result)) : NULL;
	if (r == 0)
		r = result && answer.header.type == SIGNER_RESULT && result_ok(result) &&
				    answer.header.fd_count == 1
			    ? (int)result->answer
			    : -EPROTO;
	copied = r > 0 ? take_long(&answer, &text, &len) : 0;
	ipc_message_done(&answer);
	*ret_text = (char *)text;
	return copied < 0 ? copied : r;
}

static int ask_person(struct signer *s, enum signer_message type,
	const struct signer_person *person, struct signer_result *ret_result)
{
	struct ipc_message answer;
	int r = ask_with(s, type, person, sizeof(*person), &answer, ret_result);

	ipc_message_done(&answer);
	return r;
}

int signer_activate(struct signer *s, const struct signer_person *person,
	struct signer_result *ret_result)
{
	return ask_person(s, SIGNER_ACTIVATE, person, ret_result);
}

int signer_deactivate(struct signer *s, const struct signer_person *person,
	struct signer_result *ret_result)
{
	return ask_person(s, SIGNER_DEACTIVATE, person, ret_result);
}
