/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/peer.h"

#include "common/json.h"
#include "ctl/command.h"
#include "ctl/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool peer_option(struct peer *p, int letter, const char *value)
{
	switch (letter) {
	case 'u':
		p->url = value;
		return true;
	case 'a':
		p->identity.ca = value;
		return true;
	case 'c':
		p->identity.cert = value;
		return true;
	case 'k':
		p->identity.key = value;
		return true;
	default:
		return false;
	}
}

bool peer_complete(struct peer *p)
{
	const struct {
		const char *name, *variable, **value;
	} needed[] = { { "--url", "SEALGATE_REMOTE", &p->url },
		{ "--ca", "SEALGATE_CA", &p->identity.ca },
		{ "--cert", "SEALGATE_CERT", &p->identity.cert },
		{ "--key", "SEALGATE_KEY", &p->identity.key } };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!*needed[i].value)
			*needed[i].value = getenv(needed[i].variable);
		if (!*needed[i].value) {
			command_fault("%s is missing", needed[i].name);
			return false;
		}
	}
	return true;
}

int peer_url(const struct peer *p, const char *path, char *ret, size_t size)
{
	size_t len = strlen(p->url);

	while (len && p->url[len - 1] == '/')
		len--;
	return snprintf(ret, size, "%.*s%s", (int)len, p->url, path) < (int)size
		       ? 0
		       : -ENAMETOOLONG;
}

int peer_post(const struct peer *p, const char *path, const json_t *value, size_t max,
	long timeout_s, struct http_response *ret_answer)
{
	_cleanup_(freep) char *text = value ? json_canonical(value) : NULL;

	return text ? peer_post_octets(p, path, "application/json", span_str(text), max,
			      timeout_s, ret_answer)
		    : -ENOMEM;
}

int peer_post_octets(const struct peer *p, const char *path, const char *type,
	struct span octets, size_t max, long timeout_s, struct http_response *ret_answer)
{
	_cleanup_(freep) char *error = NULL;
	char url[2048];
	const struct http_request q = { .method = "POST",
		.url = url,
		.content_type = type,
		.body = octets,
		.response_max = max,
		.timeout_s = timeout_s };
	int r = peer_url(p, path, url, sizeof(url));

	if (r < 0)
		return r;
	r = http_client(&p->identity, &q, ret_answer, &error);
	if (r < 0)
		fprintf(stderr, "sealgate: %s: %s\n", url, error ? error : "failed");
	return r;
}

int peer_status(int error)
{
	return error == -EINVAL || error == -ENAMETOOLONG ? EXIT_USAGE : EXIT_INTERNAL;
}
