/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/tsa.h"

#include "connectors/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 3000
#define QUERY_TYPE "application/timestamp-query"
#define REPLY_TYPE "application/timestamp-reply"

struct tsa {
	CURL *curl;
	struct curl_slist *headers;
	const struct daemon *daemon;
	const char *proxy; /* that may answer in the authority's place; NULL: none can */
	char error[CURL_ERROR_SIZE];
};

static int go_on(void *tsa, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct tsa *t = tsa;

	(void)a, (void)b, (void)c, (void)d;
	return daemon_wait(t->daemon, 0);
}

static bool set_limits(struct tsa *t, int timeout_ms)
{
	const struct http_bounds bounds = { "http,https", CONNECT_MS, timeout_ms,
		TSA_REPLY_MAX };

	if (http_strict(t->curl, &bounds, NULL) != CURLE_OK)
		return false;
	curl_easy_setopt(t->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, go_on);
	curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
	return true;
}

static bool add_header(struct tsa *t, const char *header)
{
	struct curl_slist *more = curl_slist_append(t->headers, header);

	if (more)
		t->headers = more;
	return more != NULL;
}

static bool set_up(struct tsa *t, const char *url, const char *proxy, int timeout_ms)
{
	t->curl = curl_easy_init();
	/* Without Expect, or a small query would wait for leave to be sent. */
	if (!t->curl || !add_header(t, "Content-Type: " QUERY_TYPE) ||
		!add_header(t, "Accept: " REPLY_TYPE) || !add_header(t, "Expect:") ||
		curl_easy_setopt(t->curl, CURLOPT_URL, url) != CURLE_OK)
		return false;
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->error);
	return set_limits(t, timeout_ms) &&
	       curl_easy_setopt(t->curl, CURLOPT_PROXY, proxy) == CURLE_OK;
}

struct tsa *tsa_new(
	const char *url, const char *proxy, int timeout_ms, const struct daemon *daemon)
{
	struct tsa *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->daemon = daemon;
	/* With https it is asked for a tunnel, and what it refuses is no answer. */
	if (*proxy && strncasecmp(url, "http:", strlen("http:")) == 0)
		t->proxy = proxy;
	if (set_up(t, url, proxy, timeout_ms))
		return t;
	tsa_free(t);
	return NULL;
}

void tsa_free(struct tsa *t)
{
	if (!t)
		return;
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	free(t);
}

static bool is_lasting(long status)
{
	return status == 200 || (status >= 400 && status < 500 && status != 408 &&
					status != 425 && status != 429);
}

/* What a proxy says when it does not let something through, or reaches nobody: many a one
 * with a page of its own, as if that were what was asked for, or the way to it. */
static bool may_be_the_proxy(const struct tsa *t, long status, const char *type)
{
	return t->proxy && (status == 403 || status == 407 || status >= 500 ||
				   (status >= 300 && status < 400) ||
				   (status == 200 && !http_is_type(type, REPLY_TYPE)));
}

int tsa_ask(struct tsa *t, struct span query, struct buf *ret, bool *ret_lasting,
	char *ret_reason, size_t size)
{
	const char *type = NULL;
	long status = 0;
	CURLcode r;

	t->error[0] = '\0';
	curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE, (long)query.len);
	curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, (const char *)query.data);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, ret);
	r = curl_easy_perform(t->curl);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &type);
	*ret_lasting =
		r == CURLE_OK && is_lasting(status) && !may_be_the_proxy(t, status, type);
	/* Newer libcurl ends a transfer at the limit itself. */
	if (ret->error == -E2BIG || r == CURLE_FILESIZE_EXCEEDED)
		(void)snprintf(ret_reason, size, "the reply is larger than %u octets",
			TSA_REPLY_MAX);
	else if (r != CURLE_OK)
		(void)snprintf(ret_reason, size, "%s",
			t->error[0] ? t->error : curl_easy_strerror(r));
	else if (may_be_the_proxy(t, status, type))
		(void)snprintf(ret_reason, size,
			"status %ld, content type %.60s, of the authority or of the "
			"proxy %.100s",
			status, type ? type : "absent", t->proxy);
	else if (status != 200 || !http_is_type(type, REPLY_TYPE))
		(void)snprintf(ret_reason, size, "status %ld, content type %.80s", status,
			type ? type : "absent");
	else
		return 1;
	return 0;
}
