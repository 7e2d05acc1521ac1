/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/guest.h"

#include "common/ipc.h"

#include <string.h>
#include <unistd.h>

/* The shares add up to less than there is room for: nobody's connections are another's
 * want. A thread of intake (intake.threads) and of seal (seal.threads) has one each. */
static const struct {
	const char *name;
	size_t max;
} KINDS[GUESTS] = {
	{ "intake", 520 },
	{ "seal", 68 },
	{ "queued", 16 },
	{ "admin", 16 },
	{ "forward", 2 }, /* its call-backs share one, which it may connect anew */
	{ "health", 3 },
	{ "signer", 16 }, /* the set-up commands */
	{ "root", 16 },
	/* Without peer separation one uid is all of them, and nobody else is let in. */
	{ "any", GUEST_CONNECTIONS_MAX },
};

int guest_kind(const char *name)
{
	for (int i = 0; i < GUESTS; i++)
		if (strcmp(KINDS[i].name, name) == 0)
			return i;
	return -1;
}

int guest_of(const struct instance *i, int socket)
{
	const char *name = instance_peer_name(i, socket);
	int kind = name ? guest_kind(name) : -1;
	uid_t uid;

	if (kind >= 0)
		return kind;
	if (ipc_peer(socket, &uid, NULL) < 0)
		return -1;
	if (uid == 0)
		return guest_kind("root");
	return uid == geteuid() ? guest_kind("signer") : -1;
}

size_t guest_max(int guest)
{
	return guest >= 0 && guest < GUESTS ? KINDS[guest].max : 0;
}
