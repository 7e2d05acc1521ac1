/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/peer.h"

#include "ctl/usage.h"

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

void peer_complain(const struct peer *p)
{
	const struct {
		const char *name, *value;
	} needed[] = { { "--url", p->url }, { "--ca", p->identity.ca },
		{ "--cert", p->identity.cert }, { "--key", p->identity.key } };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!needed[i].value) {
			command_fault("%s is missing", needed[i].name);
			return;
		}
}
