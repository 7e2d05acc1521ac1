/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One attempt to open the token: module, slot, sessions, activation, keys; never lends
 * anything, and leaves nothing behind when it fails.
 */
#ifndef SEALGATE_PKCS11_OPENING_H
#define SEALGATE_PKCS11_OPENING_H

#include "pkcs11/token.h"

#define SESSIONS_MAX 128

/* Of which instance; all borrowed. */
struct opening_of {
	const struct instance *instance;
	const struct roles *roles;
	struct activation *activation;
};

/* What an opening finds; becomes the token's under the lock. */
struct opening {
	enum token_state state;
	bool software;
	bool standby;
	bool active;
	char reason[TOKEN_TEXT_SIZE];
	struct module module;
	CK_SESSION_HANDLE sessions[SESSIONS_MAX];
	size_t session_count;
	struct role_key keys[ROLES_MAX];
};

/* Open the token, or when it is away the one that stands by. ret is zeroed before.
 * Return: its state, with ret->reason when it is not ready. */
enum token_state opening_run(const struct opening_of *t, struct opening *ret);

/* Where the certificates above a role's own are. Return: 0 or -ENAMETOOLONG. */
int opening_chain_path(const struct instance *instance, const struct role *role,
	char ret_path[PATH_MAX]);

void opening_keys_done(struct role_key keys[ROLES_MAX]);

#endif
