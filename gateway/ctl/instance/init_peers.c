/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/init_peers.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

/* One a program, for an instance that root makes without sysusers. */
#define UID_FIRST 62100u

static const char *const PROGRAMS[INIT_PEERS] = { "nginx", "intake", "verify", "queued",
	"signer", "seal", "forward", "admin", "trustd", "handshake", "health", "backup",
	"replay" };

void init_peers_private(struct init_peer ret_peers[INIT_PEERS])
{
	for (unsigned i = 0; i < INIT_PEERS; i++)
		ret_peers[i] =
			(struct init_peer){ PROGRAMS[i], UID_FIRST + i, UID_FIRST + i };
}

int init_peers_system(struct init_peer ret_peers[INIT_PEERS], char ret_missing[64])
{
	const struct group *group = getgrnam("sealgate");

	snprintf(ret_missing, 64, "sealgate");
	if (!group)
		return -ENOENT;
	for (unsigned i = 0; i < INIT_PEERS; i++) {
		const struct passwd *user;

		snprintf(ret_missing, 64, "sealgate-%s", PROGRAMS[i]);
		user = getpwnam(ret_missing);
		if (!user)
			return -ENOENT;
		ret_peers[i] =
			(struct init_peer){ PROGRAMS[i], user->pw_uid, group->gr_gid };
	}
	return 0;
}
