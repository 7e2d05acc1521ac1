/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_S 5

/* Resolve HOST:PORT or [HOST]:PORT, numbers only. */
static struct addrinfo *resolve(const char *address)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[128];
	const char *colon = strrchr(address, ':');
	size_t len;

	if (!colon || (size_t)(colon - address) >= sizeof(host))
		return NULL;
	len = (size_t)(colon - address);
	memcpy(host, address, len);
	host[len] = '\0';
	if (host[0] == '[' && len > 1) {
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	}
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static const char *const KEYS[] = { "listen.partners", "listen.customs",
	"listen.operators" };

/* Return: a connection to be closed, or negative. */
static int connected(const char *address)
{
	const struct timeval t = { .tv_sec = ANSWER_S };
	_cleanup_(closep) int fd = -1;
	struct addrinfo *a = resolve(address);
	bool up = false;

	if (!a)
		return -EINVAL;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	up = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0 &&
	     connect(fd, a->ai_addr, a->ai_addrlen) == 0;
	freeaddrinfo(a);
	return up ? take_fd(&fd) : -ECONNREFUSED;
}

bool ports_answer(const struct instance *instance)
{
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		_cleanup_(closep) int fd =
			connected(config_string(instance->config, KEYS[i]));

		if (fd < 0)
			return false;
	}
	return true;
}

/* It asks for a certificate: there is none. */
static int asked(SSL *ssl, X509 **ret_certificate, EVP_PKEY **ret_key)
{
	(void)ret_certificate;
	(void)ret_key;
	*(bool *)SSL_get_app_data(ssl) = true;
	return 0;
}

/* Whose certificate it is does not matter, as it is we who listen there; that it has the
 * key is what every handshake proves. */
static const char *handshake(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	bool was_asked = false, done = false;

	if (ssl && SSL_set_app_data(ssl, &was_asked) == 1 && SSL_set_fd(ssl, fd) == 1)
		done = SSL_connect(ssl) == 1;
	if (done)
		(void)SSL_shutdown(ssl); /* nothing is asked: it is told of nobody */
	SSL_free(ssl);
	ERR_clear_error();
	if (!done)
		return "completes no TLS handshake";
	return was_asked ? NULL : "asks for no client certificate";
}

/* With as many connections as it may have, which strangers can see to, a server closes
 * one more before it has heard of it anything: there is one that lives. A worker that
 * what it hears ends closes none that says nothing. */
static bool closes_unheard(const char *address)
{
	_cleanup_(closep) int fd = connected(address);
	ssize_t n;
	char c;

	if (fd < 0)
		return false;
	n = recv(fd, &c, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static const char *fault_of(SSL_CTX *context, const char *address)
{
	_cleanup_(closep) int fd = connected(address);
	const char *fault;

	if (fd < 0)
		return "does not take connections";
	fault = handshake(context, fd);
	return fault && closes_unheard(address) ? NULL : fault;
}

const char *ports_fault(const struct instance *instance, const char **ret_key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const char *fault = context ? NULL : "cannot be asked: there is no memory";

	if (context) {
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_client_cert_cb(context, asked);
	}
	for (size_t i = 0; !fault && i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		*ret_key = KEYS[i];
		fault = fault_of(context, config_string(instance->config, KEYS[i]));
	}
	SSL_CTX_free(context);
	return fault;
}

int ports_free(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	return ntohs(sa.sin_port);
}
