/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/tls_reason.h"

#include "common/clock.h"
#include "common/durable.h"
#include "ctl/partner/card_key.h"
#include "pki/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>

#define KEY_MAX 65536u

static void explain(X509_STORE_CTX *store, struct tls_reason *reason)
{
	X509 *x = X509_STORE_CTX_get_current_cert(store);
	_cleanup_(freep) char *subject = NULL, *issuer = NULL;

	if (x) {
		subject = pki_name_text(X509_get_subject_name(x));
		issuer = pki_name_text(X509_get_issuer_name(x));
	}
	snprintf(reason->text, sizeof(reason->text),
		"the server's certificate is not accepted: %s (%s, issued by %s, number "
		"%d of "
		"its chain)",
		X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)),
		subject ? subject : "none", issuer ? issuer : "none",
		X509_STORE_CTX_get_error_depth(store));
}

static int verify(X509_STORE_CTX *store, void *reason)
{
	int r = X509_verify_cert(store);

	if (r <= 0)
		explain(store, reason);
	return r;
}

static CURLcode install(CURL *easy, void *context, void *data)
{
	struct tls_reason *reason = data;

	(void)easy;
	SSL_CTX_set_cert_verify_callback(context, verify, reason);
	if (!reason->key)
		return CURLE_OK;
	if (SSL_CTX_use_certificate_chain_file(context, reason->certificate) == 1 &&
		SSL_CTX_use_PrivateKey(context, reason->key) == 1)
		return CURLE_OK;
	snprintf(reason->text, sizeof(reason->text),
		"the key on the token cannot be used with the client certificate %s",
		reason->certificate);
	ERR_clear_error();
	return CURLE_SSL_CERTPROBLEM;
}

CURLcode tls_reason_watch(CURL *easy, struct tls_reason *reason)
{
	CURLcode rc = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, install);

	reason->text[0] = '\0';
	return rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, reason) : rc;
}

/* Keys with a pass phrase or of a form that curl knows better are left to curl. */
static bool key_is_another(
	const X509 *certificate, const char *path, const EVP_PKEY *on_token)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	size_t len;
	BIO *bio;

	if (on_token)
		return X509_check_private_key(certificate, on_token) != 1;
	if (file_read(path, KEY_MAX, &data, &len) < 0)
		return false;
	bio = BIO_new_mem_buf(data, (int)len);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "")
		  : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return key && X509_check_private_key(certificate, key) != 1;
}

static bool client_time(const X509 *x, const char *path, struct tls_reason *reason)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t from, to, now = clock_now();

	if (pki_certificate_validity(x, &from, &to) < 0 || (now >= from && now <= to))
		return false;
	clock_format(now < from ? from : to, text);
	snprintf(reason->text, sizeof(reason->text), "the client certificate %s %s %s",
		path, now < from ? "is not valid before" : "expired at", text);
	return true;
}

bool tls_reason_client(
	const char *certificate, const char *key, struct tls_reason *reason)
{
	_cleanup_(X509_freep) X509 *x = pki_certificate_read(certificate);

	if (!x) {
		snprintf(reason->text, sizeof(reason->text),
			"no client certificate can be read from %s", certificate);
		return true;
	}
	if (client_time(x, certificate, reason))
		return true;
	reason->certificate = certificate;
	if (card_key(key, &reason->key, reason->text, sizeof(reason->text)) < 0)
		return true;
	if (!key_is_another(x, key, reason->key)) {
		ERR_clear_error();
		return false;
	}
	ERR_clear_error();
	/* A URI may have the PIN in it. */
	snprintf(reason->text, sizeof(reason->text),
		"the key %s does not belong to the client certificate %s",
		reason->key ? "on the token" : key, certificate);
	return true;
}
