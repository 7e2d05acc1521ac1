/* SPDX-License-Identifier: EUPL-1.2 */
#include "fakes.h"

#include "common/encode.h"
#include "common/memfd.h"
#include "pkcs11/client.h"
#include "policy/policy.h"
#include "policy/verify_client.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fake: %s\n", what);
	abort();
}

/* Return: false when the connection is over. */
static bool one_question(struct fake_daemon *d, int socket)
{
	struct ipc_message m;
	bool go_on;

	if (ipc_receive(socket, &m) != 1)
		return false;
	go_on = d->answer(d->arg, socket, &m);
	ipc_message_done(&m);
	return go_on;
}

static void *run(void *arg)
{
	struct fake_daemon *d = arg;
	struct pollfd fds[FAKE_CONNECTIONS + 2] = { { .fd = d->stop, .events = POLLIN },
		{ .fd = d->listening, .events = POLLIN } };
	nfds_t count = 2;

	while (poll(fds, count, -1) > 0 && !fds[0].revents) {
		for (nfds_t i = 2; i < count; i++) {
			if (!fds[i].revents || one_question(d, fds[i].fd))
				continue;
			close(fds[i].fd);
			fds[i--] = fds[--count];
		}
		if (fds[1].revents && count < FAKE_CONNECTIONS + 2) {
			int fd = accept4(d->listening, NULL, NULL, SOCK_CLOEXEC);

			must(fd >= 0, "accept");
			fds[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
			d->connections++;
		}
	}
	while (count > 2)
		close(fds[--count].fd);
	return NULL;
}

void fake_start(struct fake_daemon *d, const struct house *h, const char *name,
	bool (*answer)(void *, int, struct ipc_message *), void *arg)
{
	*d = (struct fake_daemon){ .answer = answer, .arg = arg };
	snprintf(d->path, sizeof(d->path), "%s/run/%s.sock", h->dir, name);
	d->listening = ipc_listen(d->path, 0600);
	d->stop = eventfd(0, EFD_CLOEXEC);
	must(d->listening >= 0 && d->stop >= 0, d->path);
	must(pthread_create(&d->thread, NULL, run, d) == 0, "thread");
}

void fake_stop(struct fake_daemon *d)
{
	must(eventfd_write(d->stop, 1) == 0, "stop");
	pthread_join(d->thread, NULL);
	close(d->listening);
	close(d->stop);
	unlink(d->path);
}

/* verify --------------------------------------------------------------- */

static void name_policy(struct fake_verify *v, struct verdict *verdict)
{
	_cleanup_(freep) char *error = NULL;
	struct policy *policy;

	memset(verdict->policy_digest, 'e', SHA256_TEXT_SIZE - 1);
	if (!v->policies)
		return;
	if (policy_load(v->policies, &policy, &error) < 0)
		return; /* it is being written: another policy than anybody's */
	memcpy(verdict->policy_digest, policy_digest(policy), SHA256_TEXT_SIZE);
	policy_free(policy);
}

static bool verify_answer(void *arg, int socket, struct ipc_message *m)
{
	struct fake_verify *v = arg;
	const struct verify_request *q = ipc_body(m, sizeof(*q));
	struct verdict verdict;
	struct span text;
	int report, r;

	must(q && m->header.type == VERIFY_ASK && m->header.fd_count == 1,
		"question to verify");
	pthread_mutex_lock(&v->lock);
	v->asked++;
	memcpy(v->subject, q->subject, sizeof(v->subject));
	verdict = v->verdict;
	must(memfd_map(m->fds[0], LIMIT_DOCUMENT, &text) == 0, "input");
	digest_sha256(text, verdict.sha256);
	memfd_unmap(&text);
	name_policy(v, &verdict);
	if (v->number_by_content)
		hex_encode(verdict.sha256, 16, verdict.number);
	if (v->mood == VERIFY_OTHER_OCTETS)
		verdict.sha256[0] ^= 1;
	if (v->mood == VERIFY_ZEROED)
		memset(&verdict, 0, sizeof(verdict));
	report = memfd_from("report", span_str(v->report));
	r = v->mood == VERIFY_BREAKS ? -1
	    : v->mood == VERIFY_IS_BUSY
		    ? ipc_send(socket, VERIFY_BUSY, m->header.id, NULL, 0, NULL, 0)
		    : ipc_send(socket, VERIFY_ANSWER, m->header.id, &verdict,
			      sizeof(verdict), &report, 1);
	pthread_mutex_unlock(&v->lock);
	close(report);
	return r == 0;
}

void fake_verify_accepts(struct fake_verify *v, const char *number)
{
	pthread_mutex_lock(&v->lock);
	v->mood = VERIFY_NORMAL;
	v->verdict = (struct verdict){ .decision = DECISION_ACCEPTED,
		.type = "PHYTO",
		.status = "70",
		.export_country = "KE",
		.import_country = "NL",
		.judged_at = 1 };
	snprintf(v->verdict.number, sizeof(v->verdict.number), "%s", number);
	memset(v->verdict.store_version, 'd', SHA256_TEXT_SIZE - 1);
	snprintf(v->report, sizeof(v->report), "%s",
		"{\"findings\":[],\"signatures\":[{\"id\":\"s1\"}],"
		"\"facts\":{\"number\":\"N\",\"type_code\":\"851\"}}");
	pthread_mutex_unlock(&v->lock);
}

void fake_verify_start(struct fake_verify *v, const struct house *h)
{
	*v = (struct fake_verify){ .lock = PTHREAD_MUTEX_INITIALIZER };
	fake_verify_accepts(v, "KE-1");
	fake_start(&v->daemon, h, "verify", verify_answer, v);
}

/* queued --------------------------------------------------------------- */

static struct fake_document *find_id(struct fake_queue *q, const char *id)
{
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->documents[i].document.id, id) == 0)
			return &q->documents[i];
	return NULL;
}

static int find(struct fake_queue *q, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct queue_document *d = &q->documents[i].document;
		bool same = memcmp(d->sha256, s->sha256, SHA256_SIZE) == 0;

		if (d->state == DOCUMENT_REFUSED)
			continue;
		*ret_first = *d;
		if (same && strcmp(d->partner, s->partner) == 0)
			return QUEUE_DUPLICATE;
		if (*s->number && strcmp(d->number, s->number) == 0)
			return QUEUE_CONFLICT;
	}
	memset(ret_first, 0, sizeof(*ret_first));
	return s->state == DOCUMENT_HELD && q->held_full ? QUEUE_FULL : QUEUE_DONE;
}

static void store(
	struct fake_queue *q, const struct queue_commit_request *c, struct ipc_message *m)
{
	struct fake_document *f = &q->documents[q->count++];
	const struct queue_submission *s = &c->submission;
	struct span both;
	size_t next = 0;

	must(q->count < FAKE_DOCUMENTS, "too many documents");
	*f = (struct fake_document){ .parts = { -1, -1, -1, -1, -1 }, .container = -1 };
	memcpy(f->document.id, s->id, sizeof(s->id));
	memcpy(f->document.partner, s->partner, sizeof(s->partner));
	memcpy(f->document.sha256, s->sha256, sizeof(s->sha256));
	memcpy(f->document.number, s->number, sizeof(s->number));
	memcpy(f->document.type, s->type, sizeof(s->type));
	memcpy(f->document.status, s->status, sizeof(s->status));
	memcpy(f->document.country, s->country, sizeof(s->country));
	memcpy(f->document.import_country, s->import_country, sizeof(s->import_country));
	f->document.state = s->state;
	f->document.held_until = s->held_until;
	memcpy(f->document.hold_reason, s->hold_reason, sizeof(s->hold_reason));
	for (size_t i = 0; i < 2; i++)
		if (c->parts & (1u << i))
			f->parts[i] = ipc_message_take_fd(m, next++);
	must(c->parts & QUEUE_HAS_RECORD &&
			memfd_map(m->fds[next], SIZE_MAX, &both) == 0 &&
			both.len >= c->receipt_len,
		"receipt and record");
	if (c->receipt_len)
		f->parts[2] = memfd_from("receipt", span_of(both.data, c->receipt_len));
	f->parts[3] = memfd_from(
		"record", span_of(both.data + c->receipt_len, both.len - c->receipt_len));
	memfd_unmap(&both);
}

static int commit(
	struct fake_queue *q, struct ipc_message *m, struct queue_document *ret_first)
{
	const struct queue_commit_request *c = ipc_body(m, sizeof(*c));
	int r;

	must(c != NULL, "commit");
	q->commits++;
	if (q->mood == QUEUE_BREAKS_BEFORE_COMMIT) {
		q->mood = QUEUE_NORMAL;
		return -1;
	}
	if (q->mood == QUEUE_CANNOT_WRITE)
		return QUEUE_UNAVAILABLE;
	r = c->submission.state == DOCUMENT_REFUSED ? QUEUE_DONE
						    : find(q, &c->submission, ret_first);
	if (r == QUEUE_DONE)
		store(q, c, m);
	if (q->mood == QUEUE_BREAKS_AFTER_COMMIT) {
		q->mood = QUEUE_NORMAL;
		return -1;
	}
	return r;
}

static int trial(struct fake_queue *q, struct queue_reply *ret_reply)
{
	q->trials++;
	if (q->mood == QUEUE_BREAKS_BEFORE_COMMIT) {
		q->mood = QUEUE_NORMAL;
		return -1;
	}
	ret_reply->why = q->why;
	return q->mood == QUEUE_CANNOT_WRITE ? QUEUE_UNAVAILABLE : QUEUE_DONE;
}

static int get(struct fake_queue *q, struct ipc_message *m,
	struct queue_document *ret_document, int *ret_fd)
{
	const struct queue_get_request *g = ipc_body(m, sizeof(*g));
	struct fake_document *f = g ? find_id(q, g->id) : NULL;
	static const int bits[] = {
		[QUEUE_DOCUMENT] = 0, [QUEUE_REPORT] = 1, [QUEUE_RECEIPT] = 2
	};

	if (!f || strcmp(f->document.partner, g->partner) != 0)
		return QUEUE_NOT_FOUND;
	*ret_document = f->document;
	if (g->part == QUEUE_META || g->part >= QUEUE_EVENTS_PAGES)
		*ret_fd = memfd_from(
			"json", span_str(q->json ? q->json : "{\"fake\":true}"));
	else if (g->part == QUEUE_CONTAINER)
		*ret_fd = f->container < 0 ? -1 : dup(f->container);
	else
		*ret_fd = f->parts[bits[g->part]] < 0 ? -1 : dup(f->parts[bits[g->part]]);
	return *ret_fd < 0 ? QUEUE_NOT_FOUND : QUEUE_DONE;
}

static int claim_held(struct fake_queue *q, struct queue_claim *ret_claim, int *ret_fd)
{
	for (size_t i = 0; i < q->count; i++) {
		struct fake_document *f = &q->documents[i];

		if (f->document.state != DOCUMENT_HELD || f->leased)
			continue;
		f->leased = true;
		*ret_claim = (struct queue_claim){
			.document = f->document, .fence = 7, .attempt = 1
		};
		*ret_fd = dup(f->parts[0]);
		return QUEUE_DONE;
	}
	return QUEUE_EMPTY;
}

static int judged(struct fake_queue *q, struct ipc_message *m)
{
	const struct queue_judged_request *j = ipc_body(m, sizeof(*j));
	struct fake_document *f = j ? find_id(q, j->id) : NULL;

	must(f && f->leased && j->fence == 7, "judged without a claim");
	if (q->mood == QUEUE_CANNOT_WRITE)
		return QUEUE_UNAVAILABLE;
	f->document.state = j->judgement.state;
	q->judgement = j->judgement;
	q->judged_report = m->header.fd_count == 1;
	q->judged++;
	pthread_cond_signal(&q->told);
	return QUEUE_DONE;
}

static int outcomes(struct fake_queue *q, struct ipc_message *m, int *ret_fd)
{
	const struct queue_outcomes_request *o = ipc_body(m, sizeof(*o));

	must(o != NULL, "outcomes");
	q->outcomes = *o;
	if (q->mood == QUEUE_CANNOT_WRITE &&
		m->header.type == QUEUE_OP_OUTCOMES_ACKNOWLEDGE)
		return QUEUE_UNAVAILABLE;
	if (o->cursor > q->last)
		return QUEUE_ILLEGAL;
	*ret_fd = memfd_from("json", span_str(q->json ? q->json : "{}"));
	return QUEUE_DONE;
}

static int status_of(struct fake_queue *q, struct ipc_message *m, int *ret_fd)
{
	const struct queue_status_request *s = ipc_body(m, sizeof(*s));

	must(s != NULL, "status_of");
	q->status = *s;
	*ret_fd = memfd_from("json", span_str(q->json ? q->json : "{}"));
	return QUEUE_DONE;
}

static int sent(struct fake_queue *q, struct ipc_message *m, int *ret_fd)
{
	const struct queue_sent_request *s = ipc_body(m, sizeof(*s));

	must(s != NULL, "sent");
	q->sent = *s;
	q->counts++;
	*ret_fd = memfd_from("json", span_str(q->json ? q->json : "{}"));
	return QUEUE_DONE;
}

static bool queue_answer(void *arg, int socket, struct ipc_message *m)
{
	struct fake_queue *q = arg;
	struct queue_reply reply = { 0 };
	struct queue_document *d = &reply.claim.document;
	_cleanup_(closep) int fd = -1;
	int r;

	pthread_mutex_lock(&q->lock);
	if (q->mood == QUEUE_BREAKS_ALWAYS)
		r = -1;
	else if (m->header.type == QUEUE_OP_COMMIT)
		r = commit(q, m, d);
	else if (m->header.type == QUEUE_OP_TRIAL)
		r = trial(q, &reply);
	else if (m->header.type == QUEUE_OP_GET)
		r = get(q, m, d, &fd);
	else if (m->header.type == QUEUE_OP_CLAIM_HELD)
		r = claim_held(q, &reply.claim, &fd);
	else if (m->header.type == QUEUE_OP_JUDGED)
		r = judged(q, m);
	else if (m->header.type == QUEUE_OP_STATUS_OF)
		r = status_of(q, m, &fd);
	else if (m->header.type == QUEUE_OP_SENT)
		r = sent(q, m, &fd);
	else if (m->header.type == QUEUE_OP_OUTCOMES ||
		 m->header.type == QUEUE_OP_OUTCOMES_ACKNOWLEDGE)
		r = outcomes(q, m, &fd);
	else
		r = find(q,
			&((const struct queue_find_request *)(const void *)m->body)
				 ->submission,
			d);
	pthread_mutex_unlock(&q->lock);
	if (r < 0)
		return false;
	reply.answer = (uint32_t)r;
	return ipc_send(socket, m->header.type, m->header.id, &reply, sizeof(reply), &fd,
		       fd >= 0) == 0;
}

void fake_queue_start(struct fake_queue *q, const struct house *h)
{
	*q = (struct fake_queue){ .lock = PTHREAD_MUTEX_INITIALIZER,
		.told = PTHREAD_COND_INITIALIZER };
	fake_start(&q->daemon, h, "queued", queue_answer, q);
}

void fake_queue_stop(struct fake_queue *q)
{
	fake_stop(&q->daemon);
	for (size_t i = 0; i < q->count; i++) {
		for (size_t p = 0; p < 4; p++)
			if (q->documents[i].parts[p] >= 0)
				close(q->documents[i].parts[p]);
		if (q->documents[i].container >= 0)
			close(q->documents[i].container);
	}
}

/* signer --------------------------------------------------------------- */

static void sign(
	const struct person *p, const struct signer_request *q, struct signer_result *ret)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(p->key, NULL);
	unsigned char der[256];
	const unsigned char *at = der;
	size_t len = sizeof(der);
	ECDSA_SIG *sig;

	must(EVP_PKEY_sign_init(context) == 1 &&
			EVP_PKEY_sign(context, der, &len, q->digest, q->digest_len) == 1,
		"sign");
	EVP_PKEY_CTX_free(context);
	sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret->value, 32) == 32 &&
			BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret->value + 32, 32) == 32,
		"signature");
	ECDSA_SIG_free(sig);
	ret->value_len = 64;
}

static bool signer_answer(void *arg, int socket, struct ipc_message *m)
{
	struct fake_signer *s = arg;
	const struct signer_request *q = ipc_body(m, sizeof(*q));
	struct signer_result result = { .answer = SIGNER_SIGNED,
		.mechanism = "ecdsa-sha256" };
	_cleanup_(closep) int fd = -1;
	unsigned char *der;
	size_t len;
	int r = -1;

	must(q && strcmp(q->role, "receipt") == 0, "role");
	pthread_mutex_lock(&s->lock);
	if (s->mood == SIGNER_BREAKS) {
		s->mood = SIGNER_NORMAL;
		goto out;
	}
	if (s->mood == SIGNER_IS_AWAY) {
		result.answer = SIGNER_AWAY;
	} else if (m->header.type == SIGNER_TRIAL) {
		s->trials++;
		if (s->mood == SIGNER_NOT_FOR_US) {
			result.answer = SIGNER_REFUSED;
			snprintf(result.reason, sizeof(result.reason),
				"the role is not for this program");
		}
	} else if (m->header.type == SIGNER_SIGN) {
		s->signatures++;
		sign(s->mood == SIGNER_OTHER_KEY ? &s->house->kenya : &s->house->receipt,
			q, &result);
	} else {
		len = person_der(&s->house->receipt, &der);
		fd = memfd_from("certificates", span_of(der, len));
		OPENSSL_free(der);
	}
	r = ipc_send(socket, SIGNER_RESULT, m->header.id, &result, sizeof(result), &fd,
		fd >= 0);
out:
	pthread_mutex_unlock(&s->lock);
	return r == 0;
}

void fake_signer_start(struct fake_signer *s, const struct house *h)
{
	*s = (struct fake_signer){ .lock = PTHREAD_MUTEX_INITIALIZER, .house = h };
	fake_start(&s->daemon, h, "signer", signer_answer, s);
}
