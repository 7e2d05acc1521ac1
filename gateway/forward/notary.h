/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Has call-backs signed: all of them over one connection to the signer, one at a time, so
 * that they never hold more than one session of the token; never retries by itself.
 */
#ifndef SEALGATE_FORWARD_NOTARY_H
#define SEALGATE_FORWARD_NOTARY_H

#include "common/instance.h"
#include "common/span.h"
#include "pkcs11/client.h"

#include <pthread.h>
#include <stdint.h>

#define NOTARY_REASON_SIZE 128

struct notary {
	const struct instance *instance;
	pthread_mutex_t lock;
	struct signer *signer; /* NULL while not connected */
};

/* instance is borrowed until notary_done. */
void notary_init(struct notary *n, const struct instance *instance);
void notary_done(struct notary *n);

/* Sign the octets of a call-back to a partner, of its rehearsals or not, whose last
 * outcome has this cursor; from any thread. Return: the value of CALLBACK_HEADER, the
 * caller frees; or NULL with one line for people in ret_reason, when a later try may do.
 */
char *notary_sign(struct notary *n, const char *partner, bool sandbox, int64_t cursor,
	struct span body, char ret_reason[NOTARY_REASON_SIZE]);

#endif
