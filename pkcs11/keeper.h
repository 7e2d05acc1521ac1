/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The thread that keeps the token usable: opens it again when it was lost and proves by
 * trial signatures that it still signs; the only one that opens the token while the
 * signer serves.
 */
#ifndef SEALGATE_PKCS11_KEEPER_H
#define SEALGATE_PKCS11_KEEPER_H

#include "pkcs11/sign.h"

struct keeper {
	pthread_t thread;
	struct signing *signing;
	int trial_ms;	    /* between trial signatures */
	int64_t standby_ms; /* when the first token was looked for last */
	int64_t warned_ms;  /* when certificates that end soon were named last */
	enum token_state noted_state; /* for the audit chain; with these: */
	bool noted_standby, noted_incomplete;
};

/* Say in the log what an opening came to. */
void keeper_report(struct token *token, enum token_state state);

/* From now on each change of the token's state is a key.token (key_events.h); whoever
 * opened it before has noted what came of that. Return: 0 or -errno. */
int keeper_start(struct keeper *k, struct signing *signing, int trial_ms);

/* Stop the token's watch and join. */
void keeper_stop(struct keeper *k);

#endif
