/* SPDX-License-Identifier: EUPL-1.2 */
/* What is wrong with a listener shows in its handshake, and a request is never made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/instance/ports.h"
#include "xades/trial.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum manner { ASKS, DOES_NOT_ASK, HAS_NO_ROOM, ENDS_AT_HELLO, SPEAKS_OTHERWISE, MANNERS };

/* Listens on a port of its own; one thread, one connection after the other. */
struct listener {
	enum manner manner;
	int socket;
	unsigned short port;
	pthread_t thread;
	int served, requests; /* of the thread, until it has ended */
};

static struct listener listeners[MANNERS];
static struct trial_signer own;
static char *folder;

static int accept_any(int ok, X509_STORE_CTX *store)
{
	(void)ok;
	(void)store;
	return 1;
}

/* To its end: whatever comes behind the handshake is a request. */
static void speak(struct listener *l, SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	char c;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, &c, 1) > 0)
		l->requests++;
	SSL_free(ssl);
}

static void *serve(void *arg)
{
	struct listener *l = arg;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	char hello[4096];
	int fd;

	SSL_CTX_use_certificate(context, own.certificate);
	SSL_CTX_use_PrivateKey(context, own.key);
	if (l->manner == ASKS)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any);
	while ((fd = accept(l->socket, NULL, NULL)) >= 0) {
		l->served++;
		if (l->manner == SPEAKS_OTHERWISE)
			(void)!write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		else if (l->manner == ENDS_AT_HELLO)
			(void)!read(fd, hello, sizeof(hello));
		else if (l->manner != HAS_NO_ROOM)
			speak(l, context, fd);
		close(fd);
	}
	SSL_CTX_free(context);
	return NULL;
}

static void listen_to(struct listener *l, enum manner manner)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);

	*l = (struct listener){ .manner = manner,
		.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l->socket, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(l->socket, 8), 0);
	assert_int_equal(getsockname(l->socket, (struct sockaddr *)&sa, &len), 0);
	l->port = ntohs(sa.sin_port);
	assert_int_equal(pthread_create(&l->thread, NULL, serve, l), 0);
}

static void ended(struct listener *l)
{
	shutdown(l->socket, SHUT_RDWR);
	pthread_join(l->thread, NULL);
	close(l->socket);
}

static int make(void **state)
{
	static char template[] = "/tmp/ports.XXXXXX";

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	folder = mkdtemp(template);
	if (!folder || trial_signer_make(TRIAL_P256, clock_now(), &own) < 0)
		return -1;
	for (int m = 0; m < MANNERS; m++)
		listen_to(&listeners[m], (enum manner)m);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	trial_signer_done(&own);
	return appliance_remove(folder);
}

/* Of an instance whose listeners are these three ports. */
static const char *fault(
	unsigned short partners, unsigned short customs, unsigned short operators)
{
	static char said[128];
	char conf[256], path[64], *error = NULL;
	const char *key = "", *found;
	struct instance instance;

	(void)snprintf(path, sizeof(path), "%s/sealgate.conf", folder);
	(void)snprintf(conf, sizeof(conf),
		"listen = { partners = \"127.0.0.1:%u\"; customs = \"127.0.0.1:%u\";"
		" operators = \"127.0.0.1:%u\"; };\n",
		partners, customs, operators);
	assert_int_equal(durable_write(path, span_str(conf), 0600), 0);
	assert_int_equal(instance_open(folder, &instance, &error), 0);
	found = ports_fault(&instance, &key);
	instance_done(&instance);
	if (!found)
		return NULL;
	(void)snprintf(said, sizeof(said), "%s %s", key, found);
	return said;
}

static void test_what_a_handshake_shows(void **state)
{
	unsigned short asks = listeners[ASKS].port;
	int nobody;

	(void)state;
	assert_null(fault(asks, asks, asks));
	assert_string_equal(fault(asks, listeners[DOES_NOT_ASK].port, asks),
		"listen.customs asks for no client certificate");
	assert_null(fault(asks, listeners[HAS_NO_ROOM].port, asks));
	assert_string_equal(fault(asks, asks, listeners[ENDS_AT_HELLO].port),
		"listen.operators completes no TLS handshake");
	assert_string_equal(fault(listeners[SPEAKS_OTHERWISE].port, asks, asks),
		"listen.partners completes no TLS handshake");
	nobody = ports_free();
	assert_true(nobody > 0);
	assert_string_equal(fault(asks, asks, (unsigned short)nobody),
		"listen.operators does not take connections");
	for (int m = 0; m < MANNERS; m++) {
		ended(&listeners[m]);
		assert_true(listeners[m].served > 0);
		assert_int_equal(listeners[m].requests, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_handshake_shows),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
