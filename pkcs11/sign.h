/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From a role and a digest to a counted signature; never answers with one that is not
 * durably counted, nor with one that did not verify, unless the role's peer verifies it.
 */
#ifndef SEALGATE_PKCS11_SIGN_H
#define SEALGATE_PKCS11_SIGN_H

#include "pkcs11/count_log.h"
#include "pkcs11/token.h"

#include <pthread.h>
#include <stdatomic.h>

/* Signatures that a role may still make in this minute. */
struct allowance {
	pthread_mutex_t lock;
	double left;
	int64_t at_ms;
};

struct signing {
	const struct roles *roles;
	struct token *token;
	struct count_log *log;
	int reopen_ms; /* an asker waits for a lost token; tests are patient */
	struct allowance allowances[ROLES_MAX];
	struct allowance callbacks; /* their own: acceptance waits for none of them */
	uint32_t callbacks_per_minute;
	atomic_int_fast64_t last_at; /* seconds since 1970 of the last good signature */
	atomic_int_fast64_t last_us; /* what it took, count included */
	atomic_uint_fast64_t unverified; /* signatures that did not verify */
};

void signing_init(struct signing *s, const struct roles *roles, struct token *token,
	struct count_log *log);
void signing_done(struct signing *s);

/* Sign for a role of roles: limits, token, verification, count. ret_result is the whole
 * answer. Return: its enum signer_answer. */
enum signer_answer sign_for(struct signing *s, size_t role, struct span digest,
	const char *document, struct signer_result *ret_result);

/* The same by the key of a role for a call-back: verified here whatever the role says,
 * counted and limited under CALLBACKS_NAME, within the total of the key, of which they
 * make no more than half. */
enum signer_answer sign_callback(struct signing *s, size_t role, struct span digest,
	struct signer_result *ret_result);

/* Would sign_for sign for this role now? By its limits, of which it takes one of this
 * minute, and a trial signature as of sign_trial. The answer has no value and no count.
 * Return: as sign_for. */
enum signer_answer sign_try(
	struct signing *s, size_t role, struct signer_result *ret_result);

/* Trial signature by a role's key, thrown away and not counted. ret_text: why not.
 * Return: 0, -EAGAIN (token), -EBADMSG (it did not verify). */
int sign_trial(struct signing *s, size_t role, char ret_text[KEY_TEXT_SIZE]);

#endif
