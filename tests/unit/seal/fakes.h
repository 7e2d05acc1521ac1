/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Stand-ins of the signer and of the verify process on sockets of their own, with real
 * keys and the real verification of containers; each can be told to fail.
 */
#ifndef SEALGATE_TESTS_SEAL_FAKES_H
#define SEALGATE_TESTS_SEAL_FAKES_H

#include "../evidence/sealed.h"

#include "common/ipc.h"
#include "common/json.h"
#include "common/memfd.h"
#include "evidence/verify.h"
#include "pkcs11/client.h"
#include "policy/verify_client.h"

#include <pthread.h>
#include <sys/socket.h>

enum fake_mode {
	FAKE_GOOD = 0,
	FAKE_AWAY,    /* says so */
	FAKE_REFUSES, /* says so */
	FAKE_HANGS_UP,
	FAKE_HANGS_UP_ONCE,
	FAKE_WRONG_VALUE,
	FAKE_NO_CERTIFICATE,
	FAKE_BUSY,
	FAKE_BUSY_ONCE,
	FAKE_OTHER_OCTETS, /* a verdict about something else */
	FAKE_FAILED,
	FAKE_UNPROVEN,
};

#define FAKE_CONNECTIONS_MAX 512

struct fake {
	int socket;
	pthread_t thread;
	const struct house *house;
	_Atomic enum fake_mode mode;
	_Atomic int questions;
	void (*answer)(struct fake *f, int fd, const struct ipc_message *q);
	struct fake_connection {
		struct fake *fake;
		int fd;
		pthread_t thread;
	} connections[FAKE_CONNECTIONS_MAX];
	size_t count;
};

HOUSE void *fake_talk(void *arg)
{
	const struct fake_connection *c = arg;
	struct fake *f = c->fake;
	struct ipc_message m;

	while (ipc_receive(c->fd, &m) == 1) {
		bool once = f->mode == FAKE_HANGS_UP_ONCE;

		f->questions++;
		if (f->mode == FAKE_HANGS_UP || once) {
			f->mode = once ? FAKE_GOOD : FAKE_HANGS_UP;
			ipc_message_done(&m);
			break;
		}
		f->answer(f, c->fd, &m);
		ipc_message_done(&m);
	}
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

HOUSE void *fake_serve(void *arg)
{
	struct fake *f = arg;
	int fd;

	while (f->count < FAKE_CONNECTIONS_MAX &&
		(fd = accept(f->socket, NULL, NULL)) >= 0) {
		struct fake_connection *c = &f->connections[f->count++];

		*c = (struct fake_connection){ .fake = f, .fd = fd };
		assert_int_equal(pthread_create(&c->thread, NULL, fake_talk, c), 0);
	}
	return NULL;
}

HOUSE void fake_open(struct fake *f, const struct house *h, const char *path,
	void (*answer)(struct fake *, int, const struct ipc_message *))
{
	memset(f, 0, sizeof(*f));
	f->house = h;
	f->answer = answer;
	f->socket = ipc_listen(path, 0600);
	assert_true(f->socket >= 0);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_serve, f), 0);
}

HOUSE void fake_close(struct fake *f)
{
	shutdown(f->socket, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->socket);
	for (size_t i = 0; i < f->count; i++) {
		shutdown(f->connections[i].fd, SHUT_RDWR);
		pthread_join(f->connections[i].thread, NULL);
		close(f->connections[i].fd);
	}
}

HOUSE int fake_certificates(const struct fake *f)
{
	unsigned char *der = NULL;
	int len = i2d_X509(f->house->seal, &der);
	int all = i2d_X509(f->house->ca, NULL) + len;
	unsigned char *both = malloc((size_t)all), *p = both + len;
	int fd;

	memcpy(both, der, (size_t)len);
	i2d_X509(f->house->ca, &p);
	fd = memfd_from("certificates",
		span_of(both, f->mode == FAKE_NO_CERTIFICATE ? 5 : (size_t)all));
	OPENSSL_free(der);
	free(both);
	return fd;
}

HOUSE void fake_signer(struct fake *f, int fd, const struct ipc_message *q)
{
	const struct signer_request *r = ipc_body(q, sizeof(*r));
	struct signer_result a = { .answer = SIGNER_SIGNED, .mechanism = "ecdsa-sha256" };
	int der = -1;

	assert_non_null(r);
	if (f->mode == FAKE_AWAY || f->mode == FAKE_REFUSES) {
		a.answer = f->mode == FAKE_AWAY ? SIGNER_AWAY : SIGNER_REFUSED;
		snprintf(a.reason, sizeof(a.reason), "told to");
	} else if (q->header.type == SIGNER_CERTIFICATE) {
		der = fake_certificates(f);
	} else {
		house_sign(f->mode == FAKE_WRONG_VALUE ? f->house->ca_key
						       : f->house->seal_key,
			r->digest, r->digest_len, a.value);
		a.value_len = 64;
	}
	ipc_send(fd, SIGNER_RESULT, q->header.id, &a, sizeof(a), &der, der >= 0);
	if (der >= 0)
		close(der);
}

HOUSE int fake_verdict(const struct fake *f, const struct verify_request *q, int input,
	struct verdict *v)
{
	struct pki_material *m = house_material(f->house);
	struct findings findings = { 0 };
	json_t *report = NULL;
	struct span octets;
	char *text;
	int fd, valid;

	assert_int_equal(memfd_map(input, LIMIT_CONTAINER, &octets), 0);
	assert_int_equal(digest_sha256(octets, v->sha256), 0);
	valid = evidence_verify(octets,
		&(struct evidence_context){
			.material = m, .at = q->at, .fresh_revocation = true },
		&findings, &report);
	assert_true(valid >= 0);
	v->decision = valid ? DECISION_ACCEPTED : DECISION_REFUSED;
	if (f->mode == FAKE_FAILED || f->mode == FAKE_UNPROVEN) {
		v->decision = DECISION_REFUSED;
		json_object_set_new(report, "indication",
			json_string(f->mode == FAKE_FAILED ? "TOTAL-FAILED"
							   : "INDETERMINATE"));
	}
	if (f->mode == FAKE_OTHER_OCTETS)
		v->sha256[0] ^= 1;
	text = json_canonical(report);
	fd = memfd_from("report", span_str(text));
	free(text);
	json_decref(report);
	findings_done(&findings);
	memfd_unmap(&octets);
	pki_material_free(m);
	return fd;
}

HOUSE void fake_verify(struct fake *f, int fd, const struct ipc_message *q)
{
	const struct verify_request *r = ipc_body(q, sizeof(*r));
	struct verdict v = { 0 };
	int report;

	assert_non_null(r);
	assert_int_equal(r->mode, VERIFY_CONTAINER);
	assert_string_equal(r->subject, "seal");
	if (f->mode == FAKE_BUSY || f->mode == FAKE_BUSY_ONCE) {
		f->mode = f->mode == FAKE_BUSY_ONCE ? FAKE_GOOD : f->mode;
		ipc_send(fd, VERIFY_BUSY, q->header.id, NULL, 0, NULL, 0);
		return;
	}
	report = fake_verdict(f, r, q->fds[0], &v);
	ipc_send(fd, VERIFY_ANSWER, q->header.id, &v, sizeof(v), &report, 1);
	close(report);
}

#endif
