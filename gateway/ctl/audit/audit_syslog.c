/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_ship.h"

#include "common/buf.h"
#include "common/clock.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define TIMEOUT_S 20
#define MESSAGE_MAX (1024u * 1024)
#define PRIORITY 109 /* log audit (13), notice (5): RFC 5424 6.2.1 */

struct syslog_server {
	SSL_CTX *context;
	BIO *bio;
};

static void server_free(struct syslog_server *s)
{
	BIO_free_all(s->bio);
	SSL_CTX_free(s->context);
	free(s);
}

static SSL_CTX *context_of(const struct http_identity *i)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c && SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) &&
		SSL_CTX_load_verify_locations(c, i->ca, NULL) &&
		SSL_CTX_use_certificate_chain_file(c, i->cert) &&
		SSL_CTX_use_PrivateKey_file(c, i->key, SSL_FILETYPE_PEM)) {
		SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
		return c;
	}
	SSL_CTX_free(c);
	return NULL;
}

/* A name, or an address, of the certificate. */
static bool expect(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	return X509_VERIFY_PARAM_set1_ip_asc(p, host) ||
	       (X509_VERIFY_PARAM_set1_host(p, host, 0) &&
		       SSL_set_tlsext_host_name(ssl, host));
}

static bool bound(BIO *bio)
{
	const struct timeval t = { .tv_sec = TIMEOUT_S };
	int fd = -1;

	return BIO_get_fd(bio, &fd) >= 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0;
}

static bool connected(struct syslog_server *s, const char *address)
{
	char host[256];
	SSL *ssl = NULL;

	snprintf(host, sizeof(host), "%.*s", (int)(strrchr(address, ':') - address),
		address);
	s->bio = BIO_new_ssl_connect(s->context);
	if (!s->bio || BIO_get_ssl(s->bio, &ssl) <= 0 || !expect(ssl, host))
		return false;
	BIO_set_conn_hostname(s->bio, address);
	return BIO_do_connect(s->bio) > 0 && bound(s->bio) &&
	       BIO_do_handshake(s->bio) > 0;
}

int syslog_connect(const char *address, const struct http_identity *identity,
	struct syslog_server **ret, char **ret_error)
{
	struct syslog_server *s = calloc(1, sizeof(*s));

	*ret_error = NULL;
	if (!s)
		return -ENOMEM;
	if (!strrchr(address, ':')) {
		free(s);
		return -EINVAL;
	}
	s->context = context_of(identity);
	if (s->context && connected(s, address)) {
		*ret = s;
		return 0;
	}
	if (asprintf(ret_error, "%s: %s", address,
		    s->context ? "no TLS connection to a server of this name"
			       : "the CA, certificate or key cannot be read") < 0)
		*ret_error = NULL;
	server_free(s);
	return -EIO;
}

int syslog_write(struct syslog_server *s, struct span message)
{
	_cleanup_buf_ struct buf framed;
	int n;

	buf_init(&framed, MESSAGE_MAX + 32);
	/* RFC 5425 4.3: the length, so that a line feed in it changes nothing */
	buf_addf(&framed, "%zu ", message.len);
	if (buf_add_span(&framed, message) < 0)
		return -EIO;
	n = BIO_write(s->bio, framed.data, (int)framed.len);
	return n == (int)framed.len ? 0 : -EIO;
}

int syslog_send(struct syslog_server *s, const char *host, const char *text)
{
	char at[CLOCK_TEXT_SIZE];
	_cleanup_buf_ struct buf message;

	clock_format(clock_now(), at);
	buf_init(&message, MESSAGE_MAX);
	buf_addf(&message, "<%d>1 %s %s sealgate - audit-head - %s", PRIORITY, at,
		*host ? host : "-", text);
	return message.error ? -EIO : syslog_write(s, buf_span(&message));
}

int syslog_end(struct syslog_server *s)
{
	SSL *ssl = NULL;
	int r = -EIO;

	if (BIO_flush(s->bio) > 0 && BIO_get_ssl(s->bio, &ssl) > 0 &&
		SSL_shutdown(ssl) >= 0 && SSL_shutdown(ssl) == 1)
		r = 0;
	server_free(s);
	return r;
}
