/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/limits.h"
#include "connectors/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS 10000L
#define KEPT_S 1L /* an idle connection */

/* Only the authorities of forward.ca count: libcurl would add the machine's own folder.
 */
static int set_tls(const struct courier *c)
{
	char ca[PATH_MAX];
	int r = instance_path(&c->daemon->instance,
		config_string(c->daemon->instance.config, "forward.ca"), ca);

	if (r < 0)
		return r;
	curl_easy_setopt(c->curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL);
	if (c->credentials->certificate)
		curl_easy_setopt(c->curl, CURLOPT_SSLCERT, c->credentials->certificate);
	if (c->credentials->private_key)
		curl_easy_setopt(c->curl, CURLOPT_SSLKEY, c->credentials->private_key);
	curl_easy_setopt(c->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	return 0;
}

/* The next octets of the body, which is read once: there is no way back to its start, and
 * what is left of it says whether any of it has been given away. */
static size_t give(char *to, size_t size, size_t count, void *user)
{
	struct span *body = user;
	size_t n = size * count < body->len ? size * count : body->len;

	memcpy(to, body->data, n);
	*body = span_of(body->data + n, body->len - n);
	return n;
}

static int set_request(const struct courier *c, const char *url,
	const struct curl_slist *headers, struct span *body, struct buf *reply)
{
	const struct http_bounds bounds = { "https", CONNECT_MS,
		c->profile->timeout_s * 1000L, LIMIT_REPLY };
	int r;

	curl_easy_reset(c->curl);
	if (http_strict(c->curl, &bounds, reply) != CURLE_OK)
		return -ENOMEM;
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	/* A proxy would decide about addresses that partners name. */
	if (c->outside)
		egress_guard(c->curl);
	else if (curl_easy_setopt(c->curl, CURLOPT_PROXY,
			 config_string(c->daemon->instance.config, "forward.proxy")) !=
		 CURLE_OK)
		return -ENOMEM; /* it would go without */
	r = set_tls(c);
	if (r < 0 || !body->data)
		return r;
	curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	/* libcurl repeats a request by itself when a kept connection dies under it; what
	 * creates something must never be repeated before it was looked up. So there is
	 * no second body to be had, and a connection is kept only while one document
	 * follows the other. */
	curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(c->curl, CURLOPT_READDATA, (void *)body);
	curl_easy_setopt(c->curl, CURLOPT_MAXAGE_CONN, KEPT_S);
	return 0;
}

int exchange(struct courier *c, const char *url, const struct curl_slist *headers,
	struct span body, struct destination_answer *ret)
{
	CURLcode code;
	const size_t whole = body.len;
	curl_off_t retry_after = 0;
	int r;

	*ret = (struct destination_answer){ .outcome = EXCHANGE_NONE };
	buf_init(&ret->body, LIMIT_REPLY);
	r = set_request(c, url, headers, &body, &ret->body);
	if (r < 0)
		return r;
	code = curl_easy_perform(c->curl);
	if (code != CURLE_OK) {
		/* Not by the code: it may be that of a second connection, refused after
		 * the other side had taken the whole request on a kept one. */
		ret->outcome = whole > 0 && body.len == whole ? EXCHANGE_NOT_SENT
							      : EXCHANGE_AMBIGUOUS;
		snprintf(ret->error, sizeof(ret->error), "%s", curl_easy_strerror(code));
		return 0;
	}
	ret->outcome = EXCHANGE_ANSWERED;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &ret->http_status);
	curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &retry_after);
	ret->retry_after_s = retry_after > 86400 ? 86400 : (long)retry_after;
	return 0;
}
