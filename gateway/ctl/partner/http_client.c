/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/http_client.h"

#include "connectors/http.h"
#include "ctl/partner/tls_reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 30000L

static inline void list_freep(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static inline void easy_freep(CURL **easy)
{
	if (*easy)
		curl_easy_cleanup(*easy);
}

void http_response_done(struct http_response *r)
{
	buf_done(&r->body);
}

static int fail(char **ret_error, int error, const char *what)
{
	if (asprintf(ret_error, "%s", what) < 0)
		*ret_error = NULL;
	return error;
}

/* Set options until one fails. */
#define SET(option, value)                                                               \
	do {                                                                             \
		if (rc == CURLE_OK)                                                      \
			rc = curl_easy_setopt(easy, option, value);                      \
	} while (0)

static CURLcode set_transport(
	CURL *easy, const struct http_identity *i, const struct tls_reason *tls)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CAINFO, i->ca);
	SET(CURLOPT_CAPATH, NULL); /* or the machine's own authorities would count too */
	if (!tls->key) {
		SET(CURLOPT_SSLCERT, i->cert);
		SET(CURLOPT_SSLKEY, i->key);
	}
	return rc;
}

static CURLcode set_request(CURL *easy, const struct http_request *q,
	struct curl_slist *headers, struct buf *body)
{
	const struct http_bounds bounds = { "https", CONNECT_MS, q->timeout_s * 1000,
		q->response_max };
	CURLcode rc = http_strict(easy, &bounds, body);

	SET(CURLOPT_URL, q->url);
	SET(CURLOPT_CUSTOMREQUEST, q->method);
	SET(CURLOPT_USERAGENT, "sealgate/" SEALGATE_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	if (q->content_type) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
		SET(CURLOPT_POSTFIELDS, (const char *)q->body.data);
	}
	return rc;
}

static struct curl_slist *make_headers(const char *content_type)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more;
	char line[256];

	if (!list || !content_type)
		return list;
	snprintf(line, sizeof(line), "Content-Type: %s", content_type);
	more = curl_slist_append(list, line);
	if (!more)
		curl_slist_free_all(list);
	return more;
}

/* Is it what the caller named, whatever the other side does? */
static bool is_named_wrong(CURLcode rc)
{
	return rc == CURLE_URL_MALFORMAT || rc == CURLE_SSL_CACERT_BADFILE ||
	       rc == CURLE_SSL_CERTPROBLEM;
}

static int perform(CURL *easy, const struct tls_reason *tls, struct http_response *r,
	char **ret_error)
{
	char reason[CURL_ERROR_SIZE] = "";
	const char *type = NULL;
	CURLcode rc;

	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
	rc = curl_easy_perform(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	if (rc == CURLE_FILESIZE_EXCEEDED || r->body.error == -E2BIG)
		return fail(ret_error, -EFBIG, "the answer is longer than allowed");
	if (r->body.error)
		return fail(ret_error, r->body.error, "out of memory");
	if (rc == CURLE_UNSUPPORTED_PROTOCOL)
		return fail(ret_error, -EINVAL, "the address has to begin with https://");
	if (rc != CURLE_OK)
		return fail(ret_error, is_named_wrong(rc) ? -EINVAL : -EIO,
			tls->text[0] ? tls->text
			: reason[0]  ? reason
				     : curl_easy_strerror(rc));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &r->status);
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	snprintf(r->content_type, sizeof(r->content_type), "%s", type ? type : "");
	return 0;
}

int http_client(const struct http_identity *identity, const struct http_request *request,
	struct http_response *ret_response, char **ret_error)
{
	_cleanup_(list_freep) struct curl_slist *headers = NULL;
	_cleanup_(easy_freep) CURL *easy = NULL;
	struct http_response response = { 0 };
	struct tls_reason tls = { .text = "" };
	CURLcode rc;
	int r;

	*ret_error = NULL;
	if (tls_reason_client(identity->cert, identity->key, &tls))
		return fail(ret_error, -EINVAL, tls.text);
	buf_init(&response.body, request->response_max);
	headers = make_headers(request->content_type);
	easy = curl_easy_init();
	if (!headers || !easy)
		return fail(ret_error, -ENOMEM, "out of memory");
	rc = set_transport(easy, identity, &tls);
	if (rc == CURLE_OK)
		rc = tls_reason_watch(easy, &tls);
	if (rc == CURLE_OK)
		rc = set_request(easy, request, headers, &response.body);
	r = rc == CURLE_OK ? perform(easy, &tls, &response, ret_error)
			   : fail(ret_error, -EIO, curl_easy_strerror(rc));
	if (r < 0)
		buf_done(&response.body);
	else
		*ret_response = response;
	return r;
}
