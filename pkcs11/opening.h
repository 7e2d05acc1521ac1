/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One attempt to open the token: module, slot, sessions, activation, keys; never lends
 * anything, and leaves nothing behind when it fails.
 */
#ifndef SEALGATE_PKCS11_OPENING_H
#define SEALGATE_PKCS11_OPENING_H

#include "pkcs11/token.h"

#define SESSIONS_MAX 128
#define POOL_MAX 4	   /* tokens used at the same time */
#define POOL_LABEL_SIZE 64 /* of a token's label has 32 octets at most */

/* What is known of a token of the pool since the signer's start. */
struct pool_mark {
	bool refused;	/* the PIN: it is not tried again */
	bool other_key; /* when it was last looked at beside the first one */
};

/* Of which instance; all borrowed. */
struct opening_of {
	const struct instance *instance;
	const struct roles *roles;
	struct activation *activation;
	struct pool_mark *marks; /* POOL_MAX: of signer.token, then of signer.pool's */
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
	uint8_t token_of[SESSIONS_MAX]; /* each session's */
	size_t session_count;
	size_t token_count;
	CK_SLOT_ID slots[POOL_MAX]; /* of the tokens in use */
	size_t spare;	 /* of the pool, opened in the place of the first; 0: none */
	bool incomplete; /* a token of the pool is not in use: reason says why */
	CK_OBJECT_HANDLE handles[POOL_MAX][ROLES_MAX];
	struct role_key keys[ROLES_MAX];
};

/* Open the token and those of its pool; when it is away one of the pool, or the one that
 * stands by. ret is zeroed before. Return: its state, with ret->reason when it is not
 * ready. */
enum token_state opening_run(const struct opening_of *t, struct opening *ret);

/* Add as many sessions of a slot as are wanted, of the token ret->token_count. */
enum token_state opening_sessions(
	const struct opening_of *t, struct opening *ret, CK_SLOT_ID slot);

/* Where the certificates above a role's own are. Return: 0 or -ENAMETOOLONG. */
int opening_chain_path(const struct instance *instance, const struct role *role,
	char ret_path[PATH_MAX]);

void opening_keys_done(struct role_key keys[ROLES_MAX]);

#endif
