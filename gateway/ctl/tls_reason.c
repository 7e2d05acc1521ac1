/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/tls_reason.h"

#include "common/clock.h"
#include "pki/certificate.h"

#include <openssl/ssl.h>
#include <stdio.h>

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

static CURLcode install(CURL *easy, void *context, void *reason)
{
	(void)easy;
	SSL_CTX_set_cert_verify_callback(context, verify, reason);
	return CURLE_OK;
}

CURLcode tls_reason_watch(CURL *easy, struct tls_reason *reason)
{
	CURLcode rc = curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, install);

	reason->text[0] = '\0';
	return rc == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, reason) : rc;
}

bool tls_reason_client(const char *path, struct tls_reason *reason)
{
	_cleanup_(X509_freep) X509 *x = pki_certificate_read(path);
	char text[CLOCK_TEXT_SIZE];
	int64_t from, to, now = clock_now();

	if (!x || pki_certificate_validity(x, &from, &to) < 0) {
		snprintf(reason->text, sizeof(reason->text),
			"the client certificate %s cannot be read: no certificate in it",
			path);
		return true;
	}
	if (now >= from && now <= to)
		return false;
	clock_format(now < from ? from : to, text);
	snprintf(reason->text, sizeof(reason->text), "the client certificate %s %s %s",
		path, now < from ? "is not valid before" : "expired at", text);
	return true;
}
