/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/peer.h"

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
