/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/serve.h"

#include "common/id.h"
#include "common/log.h"
#include "common/memfd.h"
#include "pkcs11/callback_sign.h"
#include "pkcs11/key_events.h"
#include "pkcs11/status.h"
#include "pkcs11/works.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SEND_MS 10000 /* for a peer that does not take its answer */
#define STACK_SIZE (512u * 1024)

struct connection {
	struct signer_server *server;
	size_t index;
	int socket;
	int guest;
	bool asked; /* at least once */
};

void server_init(
	struct signer_server *s, const struct instance *instance, struct signing *signing)
{
	*s = (struct signer_server){
		.instance = instance, .signing = signing, .first_ms = SERVE_FIRST_MS
	};
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->gone, NULL);
	for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
		s->sockets[i] = -1;
}

void server_done(struct signer_server *s)
{
	pthread_cond_destroy(&s->gone);
	pthread_mutex_destroy(&s->lock);
}

/* Who is refused often must not fill the log: the 1st, 2nd, 4th, 8th ... is written. */
static void log_refused(struct signer_server *s, const char *document, const char *what)
{
	uint64_t n = atomic_fetch_add(&s->refused, 1) + 1;

	if ((n & (n - 1)) == 0)
		log_event(LOG_WARNING, "signer.refused", document,
			"%s (refusal %" PRIu64 " since the start)", what, n);
}

static enum signer_answer refuse(struct signer_server *s, struct signer_result *result,
	const char *document, const char *what)
{
	*result = (struct signer_result){ .answer = SIGNER_REFUSED };
	snprintf(result->reason, sizeof(result->reason), "%s", what);
	log_refused(s, document, what);
	return SIGNER_REFUSED;
}

static bool zero(const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* A text that ends within its array and has nothing behind its end. */
static bool text_clean(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	return len < size && zero(text + len, size - len);
}

/* A request has one form only: whatever a program did not mean to say is zero. */
static bool request_clean(const struct signer_request *q)
{
	return text_clean(q->role, sizeof(q->role)) &&
	       text_clean(q->document_id, sizeof(q->document_id)) &&
	       q->digest_len <= sizeof(q->digest) && zero(q->pad, sizeof(q->pad)) &&
	       zero(q->digest + q->digest_len, sizeof(q->digest) - q->digest_len);
}

/* After a failed fsync only reading the count anew says what it holds. */
static void end_if_broken(const struct signer_server *s)
{
	if (count_log_broken(s->signing->log))
		kill(getpid(), SIGTERM);
}

static enum signer_answer answer_sign(struct signer_server *s, int socket,
	const struct signer_request *q, struct signer_result *result)
{
	const struct roles *roles = s->signing->roles;
	int index = roles_find(roles, q->role);

	if (!id_valid(q->document_id))
		return refuse(s, result, NULL, "the document id is not one");
	if (index < 0)
		return refuse(s, result, q->document_id, "there is no such role");
	if (!instance_peer_is(s->instance, socket, roles->list[index].peer))
		return refuse(
			s, result, q->document_id, "the role is not for this program");
	if (sign_for(s->signing, (size_t)index, span_of(q->digest, q->digest_len),
		    q->document_id, result) == SIGNER_REFUSED)
		log_refused(s, q->document_id, result->reason);
	end_if_broken(s);
	return (enum signer_answer)result->answer;
}

static void answer_trial(struct signer_server *s, int socket,
	const struct signer_request *q, struct signer_result *result)
{
	const struct roles *roles = s->signing->roles;
	int index = roles_find(roles, q->role);

	if (index < 0)
		refuse(s, result, NULL, "there is no such role");
	else if (!instance_peer_is(s->instance, socket, roles->list[index].peer))
		refuse(s, result, NULL, "the role is not for this program");
	else if (sign_try(s->signing, (size_t)index, result) == SIGNER_REFUSED)
		log_refused(s, NULL, result->reason);
}

static enum signer_answer long_answer(
	struct signer_result *result, struct span data, int *ret_fd)
{
	*ret_fd = memfd_from("signer-answer", data);
	result->answer = *ret_fd < 0 ? SIGNER_AWAY : SIGNER_SIGNED;
	if (*ret_fd < 0)
		snprintf(result->reason, sizeof(result->reason),
			"no memory for the answer");
	return (enum signer_answer)result->answer;
}

static enum signer_answer answer_certificates(struct signer_server *s,
	const struct signer_request *q, struct signer_result *result, int *ret_fd)
{
	const struct roles *roles = s->signing->roles;
	_cleanup_(freep) uint8_t *der = NULL;
	int index = roles_find(roles, q->role);
	size_t len;

	if (index < 0)
		return refuse(s, result, NULL, "there is no such role");
	snprintf(result->mechanism, sizeof(result->mechanism), "%s",
		roles->list[index].mechanism->name);
	if (token_certificates(s->signing->token, (size_t)index, &der, &len) < 0) {
		snprintf(result->reason, sizeof(result->reason),
			"the role's certificate is not known yet");
		return result->answer = SIGNER_AWAY;
	}
	result->count = count_log_count(s->signing->log, roles->list[index].name);
	return long_answer(result, span_of(der, len), ret_fd);
}

static enum signer_answer answer_status(
	struct signer_server *s, struct signer_result *result, int *ret_fd)
{
	_cleanup_(freep) char *json = status_json(s->instance, s->signing);

	return long_answer(result, json ? span_str(json) : span_of("", 0), ret_fd);
}

/* The administrator: root, or whose uid the signer has. */
static bool administrator(int socket, uid_t *ret_uid)
{
	return ipc_peer(socket, ret_uid, NULL) == 0 &&
	       (*ret_uid == 0 || *ret_uid == geteuid());
}

static void answer_activate(struct signer_server *s, const struct signer_person *p,
	struct signer_result *result)
{
	static const enum signer_answer ANSWERS[] = { [ACTIVATION_REFUSED] =
							      SIGNER_REFUSED,
		[ACTIVATION_WAITING] = SIGNER_AWAY,
		[ACTIVATION_OPEN] = SIGNER_SIGNED };
	struct token *token = s->signing->token;
	enum activation_answer a = activation_enter(
		token_activation(token), p->name, p->passphrase, result->reason);

	result->answer = ANSWERS[a];
	log_event(a == ACTIVATION_REFUSED ? LOG_WARNING : LOG_NOTICE, "signer.activation",
		NULL, "%s: %s", p->name[0] ? p->name : "administrator", result->reason);
	if (a == ACTIVATION_OPEN)
		token_poke(token);
}

static void answer_deactivate(struct signer_server *s, const struct signer_person *p,
	struct signer_result *result)
{
	token_deactivate(s->signing->token);
	result->answer = SIGNER_SIGNED;
	snprintf(result->reason, sizeof(result->reason), "deactivated");
	log_event(LOG_WARNING, "signer.activation", NULL, "deactivated by %s",
		p->name[0] ? p->name : "an administrator");
}

static int serve_person(struct signer_server *s, int socket, const struct ipc_message *m,
	struct signer_result *ret_result)
{
	const struct signer_person *p = ipc_body(m, sizeof(*p));
	bool activate = m->header.type == SIGNER_ACTIVATE;
	uid_t uid;

	if (!p || m->header.fd_count != 0 || !text_clean(p->name, sizeof(p->name)) ||
		!text_clean(p->passphrase, sizeof(p->passphrase)))
		return -EPROTO;
	if (!administrator(socket, &uid))
		return -EACCES;
	if (activate)
		answer_activate(s, p, ret_result);
	else
		answer_deactivate(s, p, ret_result);
	key_event_person(s->instance, activate, p->name, uid, (int)ret_result->answer,
		ret_result->reason);
	return 0;
}

/* One at a time, each with what it is given. */
static enum signer_answer answer_order(struct signer_server *s, uid_t uid,
	const struct signer_order *o, const struct ipc_message *m,
	struct signer_result *result, int *ret_fd)
{
	struct works works = { s->instance, s->signing, uid };
	struct span given = { 0 };
	struct buf text = { 0 };
	enum signer_answer a = SIGNER_REFUSED;

	if (m->header.fd_count && memfd_read(m->fds[0], SIGNER_GIVEN_MAX, &given) < 0) {
		buf_init(&text, 128);
		buf_addf(&text, "what is given is more than %u octets\n",
			SIGNER_GIVEN_MAX);
	} else {
		a = works_do(&works, o, given, &text);
	}
	memfd_release(&given);
	end_if_broken(s);
	if (long_answer(result, buf_span(&text), ret_fd) == SIGNER_SIGNED)
		result->answer = a;
	buf_done(&text);
	return (enum signer_answer)result->answer;
}

static int serve_order(struct signer_server *s, int socket, const struct ipc_message *m,
	struct signer_result *ret_result, int *ret_fd)
{
	const struct signer_order *o = ipc_body(m, sizeof(*o));
	uid_t uid;

	if (!o || m->header.fd_count > 1 || o->work == SIGNER_WORK_NONE ||
		o->work >= SIGNER_WORKS || !text_clean(o->role, sizeof(o->role)) ||
		!text_clean(o->person, sizeof(o->person)) ||
		!text_clean(o->first, sizeof(o->first)) ||
		!text_clean(o->ceremony, sizeof(o->ceremony)) ||
		!text_clean(o->text, sizeof(o->text)))
		return -EPROTO;
	if (!administrator(socket, &uid))
		return -EACCES;
	answer_order(s, uid, o, m, ret_result, ret_fd);
	return 0;
}

/* Who asks and what for is judged here; what is signed is made here, too. */
static int serve_callback(struct signer_server *s, int socket,
	const struct ipc_message *m, struct signer_result *ret_result, int *ret_fd)
{
	const struct signer_callback *q = ipc_body(m, sizeof(*q));
	_cleanup_(freep) char *jws = NULL;
	enum signer_answer a;

	if (!q || m->header.fd_count != 0 ||
		!text_clean(q->partner, sizeof(q->partner)) ||
		!zero(q->pad, sizeof(q->pad)))
		return -EPROTO;
	if (guest_of(s->instance, socket) < 0)
		return -EACCES;
	if (!instance_peer_is(s->instance, socket, CALLBACKS_PEER)) {
		refuse(s, ret_result, NULL, "call-backs are not for this program");
		return 0;
	}
	a = callback_sign(s->instance, s->signing, q, &jws, ret_result);
	if (a == SIGNER_REFUSED)
		log_refused(s, NULL, ret_result->reason);
	end_if_broken(s);
	if (a == SIGNER_SIGNED)
		long_answer(ret_result, span_str(jws), ret_fd);
	return 0;
}

int serve_message(struct signer_server *s, int socket, const struct ipc_message *m,
	struct signer_result *ret_result, int *ret_fd)
{
	const struct signer_request *q = ipc_body(m, sizeof(*q));

	*ret_fd = -1;
	*ret_result = (struct signer_result){ 0 };
	if (m->header.type == SIGNER_ACTIVATE || m->header.type == SIGNER_DEACTIVATE)
		return serve_person(s, socket, m, ret_result);
	if (m->header.type == SIGNER_ORDER)
		return serve_order(s, socket, m, ret_result, ret_fd);
	if (m->header.type == SIGNER_CALLBACK)
		return serve_callback(s, socket, m, ret_result, ret_fd);
	if (!q || m->header.fd_count != 0 || !request_clean(q))
		return -EPROTO;
	/* Certificates and status hold no secret: every guest may ask for them. */
	if (guest_of(s->instance, socket) < 0)
		return -EACCES;
	switch (m->header.type) {
	case SIGNER_SIGN:
		answer_sign(s, socket, q, ret_result);
		return 0;
	case SIGNER_TRIAL:
		if (*q->document_id || q->digest_len)
			return -EPROTO;
		answer_trial(s, socket, q, ret_result);
		return 0;
	case SIGNER_CERTIFICATE:
		answer_certificates(s, q, ret_result, ret_fd);
		return 0;
	case SIGNER_STATUS:
		answer_status(s, ret_result, ret_fd);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Return: 0 to go on. */
static int serve_one(struct connection *c)
{
	struct signer_result result;
	struct ipc_message m;
	int fd = -1, r = ipc_receive(c->socket, &m);

	if (r == -EAGAIN && c->asked)
		return 0; /* an idle peer may stay */
	if (r <= 0) {
		if (r < 0)
			log_refused(c->server, NULL,
				r == -EAGAIN ? "a connection without a question"
					     : "a message of another version or form");
		return r ? r : -ECONNRESET;
	}
	c->asked = true;
	r = serve_message(c->server, c->socket, &m, &result, &fd);
	OPENSSL_cleanse(m.body, sizeof(m.body)); /* it may have held a passphrase */
	if (r < 0)
		log_refused(c->server, NULL,
			r == -EACCES ? "a program of another instance asks"
				     : "a message that is none of the protocol");
	else
		r = ipc_send(c->socket, SIGNER_RESULT, m.header.id, &result,
			sizeof(result), &fd, fd >= 0 ? 1 : 0);
	if (fd >= 0)
		close(fd);
	ipc_message_done(&m);
	return r;
}

static void *connection_run(void *data)
{
	struct connection *c = data;
	struct signer_server *s = c->server;

	while (serve_one(c) == 0 && !token_stopped(s->signing->token))
		;
	pthread_mutex_lock(&s->lock);
	s->sockets[c->index] = -1;
	s->count--;
	s->guests[c->guest]--;
	close(c->socket);
	pthread_cond_signal(&s->gone);
	pthread_mutex_unlock(&s->lock);
	free(c);
	return NULL;
}

static int start_thread(struct connection *c)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, connection_run, c);
	pthread_attr_destroy(&attr);
	return -r;
}

/* Called with the lock. Return: 0 when a thread has the socket now. */
static int adopt(struct signer_server *s, int socket, int guest)
{
	struct connection *c;
	size_t i = 0;

	if (s->guests[guest] >= guest_max(guest))
		return -EDQUOT;
	while (i < SERVE_CONNECTIONS_MAX && s->sockets[i] >= 0)
		i++;
	c = i < SERVE_CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return -ENOMEM;
	*c = (struct connection){
		.server = s, .index = i, .socket = socket, .guest = guest
	};
	s->sockets[i] = socket;
	s->count++;
	s->guests[guest]++;
	if (start_thread(c) < 0) {
		s->sockets[i] = -1;
		s->count--;
		s->guests[guest]--;
		free(c);
		return -EAGAIN;
	}
	return 0;
}

static void end_all(struct signer_server *s)
{
	token_stop(s->signing->token);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < SERVE_CONNECTIONS_MAX; i++)
		if (s->sockets[i] >= 0)
			shutdown(s->sockets[i], SHUT_RD);
	while (s->count)
		pthread_cond_wait(&s->gone, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* Who has nothing to ask takes no place; who has a place asks soon. */
static void admit(struct signer_server *s, int socket)
{
	const struct timeval first = { .tv_sec = s->first_ms / 1000,
		.tv_usec = (s->first_ms % 1000) * 1000L };
	int r, guest = guest_of(s->instance, socket);

	if (guest < 0 ||
		setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &first, sizeof(first)) < 0) {
		log_refused(s, NULL, "a program that has nothing to ask");
		close(socket);
		return;
	}
	pthread_mutex_lock(&s->lock);
	r = adopt(s, socket, guest);
	pthread_mutex_unlock(&s->lock);
	if (r < 0) {
		log_refused(s, NULL,
			r == -EDQUOT ? "a program has too many connections"
				     : "one connection too many");
		close(socket);
	}
}

void serve(struct signer_server *s, const struct daemon *d)
{
	int socket;

	while ((socket = daemon_accept(d, SEND_MS)) >= 0)
		admit(s, socket);
	end_all(s);
}
