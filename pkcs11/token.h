/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The token: found, activated, its sessions lent one to a thread, and opened anew when it
 * was away; never closes a session while another is in use.
 */
#ifndef SEALGATE_PKCS11_TOKEN_H
#define SEALGATE_PKCS11_TOKEN_H

#include "common/instance.h"
#include "pkcs11/activation.h"
#include "pkcs11/key.h"
#include "pkcs11/role.h"

#include <stdbool.h>
#include <stdint.h>

#define PIN_MARKER_FILE "state/signer/pin-refused"

enum token_state {
	TOKEN_AWAY = 0,	 /* not there, or lost */
	TOKEN_INACTIVE,	 /* there, but nobody activated it */
	TOKEN_FORBIDDEN, /* there, and must not be used (software in production, a key's
			    attributes) */
	TOKEN_READY,
};

#define TOKEN_TEXT_SIZE 160

struct token;

/* Set the environment that the module needs; before any thread and before token_new. The
 * working folder becomes the instance's, so that a software token's folder may be
 * relative. Return: 0 or -errno, after a line in the log. */
int token_environment(const struct instance *instance);

/* A token that is away until token_open. instance and roles must outlive it. NULL: no
 * memory, or signer.activation is none. */
struct token *token_new(const struct instance *instance, const struct roles *roles);

/* Who may activate it; the token's. */
struct activation *token_activation(struct token *t);

/* Somebody activated it: whoever keeps the token open shall look at once. */
void token_poke(struct token *t);

/* Nothing is lent any more, from now on; the module is finalised at the next opening,
 * which is poked. */
void token_deactivate(struct token *t);
void token_free(struct token *t);
DEFINE_CLEANUP(struct token *, token_free)

/* Take every session back, finalise the module, initialise it, find the token, activate
 * it and load the keys. For one thread only, all others may go on lending. Return: the
 * state that it has now. */
enum token_state token_open(struct token *t);

/* Work at the first token, by whoever may, with everything else at rest: sessions are
 * taken back and the token is opened anew afterwards, whatever came of it, so that what
 * was made is in use. ret_why: why it was not done, when the answer is -EAGAIN. Return:
 * what work returned, or -EAGAIN (away, not active, another token in its place). */
int token_work(struct token *t, int (*work)(const struct key_place *place, void *data),
	void *data, char ret_why[TOKEN_TEXT_SIZE]);

/* A session and the role's key, for one thread until token_return. */
struct token_lease {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	const struct role_key *key;
	CK_OBJECT_HANDLE handle; /* of the key, on the session's token */
	size_t index;
	uint64_t tries; /* openings before */
};

/* Lend a session, waiting for one up to wait_ms.
 * Return: 0, -EAGAIN (away, not active), -EBUSY (no session in time). */
int token_lend(struct token *t, size_t role, int wait_ms, struct token_lease *ret_lease);

/* The same with a session of signer.token, if that is the one in use; of no role. */
int token_lend_first(struct token *t, struct token_lease *ret_lease);

/* Give it back with the module's last answer; one that means "lost" puts the token away.
 * Return: true when it did. */
bool token_return(struct token *t, const struct token_lease *lease, CK_RV rv);

/* Wait until the token was opened again since the lease, up to wait_ms.
 * Return: true when it is ready. */
bool token_await(struct token *t, const struct token_lease *lease, int wait_ms);

/* Wait until the state changes, the token is poked or stop was called, up to wait_ms. */
void token_watch(struct token *t, int wait_ms);
void token_stop(struct token *t);
bool token_stopped(struct token *t);

/* True when a role lacks something, or a certificate was imported since the opening: the
 * token is worth opening again. */
bool token_stale(struct token *t);

const struct instance *token_instance(const struct token *t);

/* What people may know. */
struct token_view {
	enum token_state state;
	bool software;
	bool standby;		      /* the other token is in use */
	bool active;		      /* logged in */
	size_t tokens;		      /* in use at the same time */
	bool incomplete;	      /* of the pool one is not: reason says why */
	uint64_t tries;		      /* openings so far, failed ones included */
	char reason[TOKEN_TEXT_SIZE]; /* when not ready, or incomplete */
	struct {
		bool usable;
		bool missing; /* key or certificate */
		char reason[KEY_TEXT_SIZE];
		int64_t not_before, not_after; /* of the certificate; 0: none */
	} roles[ROLES_MAX];
};
void token_view(struct token *t, struct token_view *ret_view);

/* A copy of the role's certificates, as they were last seen. The caller frees.
 * Return: 0, -ENOENT, -ENOMEM. */
int token_certificates(struct token *t, size_t role, uint8_t **ret_der, size_t *ret_len);

#endif
