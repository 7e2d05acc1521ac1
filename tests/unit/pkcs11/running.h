/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A signer that serves in threads of the test, and octets to send it; never a second
 * process.
 */
#ifndef SEALGATE_TESTS_PKCS11_RUNNING_H
#define SEALGATE_TESTS_PKCS11_RUNNING_H

#include "fixture.h"

#include "common/ipc.h"
#include "pkcs11/serve.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

struct running {
	struct fixture f;
	struct daemon daemon;
	struct signer_server server;
	pthread_t thread;
	char path[PATH_MAX];
};

static UNUSED void *run_serve(void *data)
{
	struct running *r = data;

	serve(&r->server, &r->daemon);
	return NULL;
}

static UNUSED void running_configure(struct running *r, const char *conf)
{
	fixture_new(&r->f, CONF_STANDARD, ROLES_STANDARD);
	fixture_init(&r->f);
	if (conf)
		fixture_configure(&r->f, conf, ROLES_STANDARD);
}

static UNUSED void running_start(struct running *r)
{
	assert_int_equal(fixture_start(&r->f), TOKEN_READY);
	assert_int_equal(instance_socket(&r->f.instance, "signer", r->path), 0);
	r->daemon = (struct daemon){ .name = "signer",
		.socket = ipc_listen(r->path, 0666),
		.stop_fd = eventfd(0, EFD_CLOEXEC) };
	assert_true(r->daemon.socket >= 0);
	server_init(&r->server, &r->f.instance, &r->f.signing);
	assert_int_equal(pthread_create(&r->thread, NULL, run_serve, r), 0);
}

static UNUSED void running_stop(struct running *r)
{
	uint64_t one = 1;

	assert_int_equal(write(r->daemon.stop_fd, &one, sizeof(one)), sizeof(one));
	pthread_join(r->thread, NULL);
	close(r->daemon.socket);
	close(r->daemon.stop_fd);
	server_done(&r->server);
	fixture_done(&r->f);
}

/* A good request as octets: header and body. */
static UNUSED size_t request_octets(uint8_t *ret, uint16_t type)
{
	struct signer_request q = {
		.role = "seal", .document_id = DOCUMENT, .digest_len = 32
	};
	struct ipc_header h = { .magic = IPC_MAGIC,
		.version = IPC_VERSION,
		.type = type,
		.id = 9,
		.body_len = sizeof(q) };

	memset(q.digest, 7, 32);
	memcpy(ret, &h, sizeof(h));
	memcpy(ret + sizeof(h), &q, sizeof(q));
	return sizeof(h) + sizeof(q);
}

static UNUSED int connection(const struct running *r)
{
	int fd = ipc_connect(r->path, 5000);

	assert_true(fd >= 0);
	return fd;
}

/* Send octets as one message. Return: the answer, or SIGNER_UNDECIDED when it closed. */
static UNUSED enum signer_answer ask_octets(int fd, const void *data, size_t len)
{
	const struct signer_result *result;
	enum signer_answer a = SIGNER_UNDECIDED;
	struct ipc_message m;

	if (send(fd, data, len, MSG_NOSIGNAL) < 0)
		return SIGNER_UNDECIDED;
	if (ipc_receive(fd, &m) == 1) {
		result = ipc_body(&m, sizeof(*result));
		assert_non_null(result);
		assert_int_equal(m.header.type, SIGNER_RESULT);
		a = (enum signer_answer)result->answer;
	}
	ipc_message_done(&m);
	return a;
}

#endif
