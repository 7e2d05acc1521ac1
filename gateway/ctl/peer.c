/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/peer.h"

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
