/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What becomes of the token and its keys, and by whom, for the audit chain: lines of the
 * signer's journal (common/events.h), by the running signer and by its commands alike;
 * never a PIN, a passphrase or a key.
 */
#ifndef SEALGATE_PKCS11_KEY_EVENTS_H
#define SEALGATE_PKCS11_KEY_EVENTS_H

#include "common/span.h"
#include "pkcs11/client.h"
#include "pkcs11/token.h"

/* key.activate or key.deactivate: a person of that name ("" an administrator), on the
 * machine under uid, was answered so. What cannot be noted is logged. */
void key_event_person(const struct instance *i, bool activate, const char *name,
	uid_t uid, int answer, const char *said);

/* key.token: ready, inactive, away or forbidden, and why. What cannot be noted is logged.
 */
void key_event_token(const struct instance *i, const struct token_view *view);

/* Work at the token. */
struct key_work {
	const char *work;	     /* "import", "ceremony keys" */
	const char *role, *ceremony; /* or "" */
	const char *by, *first;	     /* for whom it is done from afar, or "" */
	uid_t uid;		     /* of who asked, on the machine */
	bool alone; /* by a command that has the token to itself, not the running signer
		     */
	struct span given; /* its digest is noted */
};

/* key.work, twice: before anything is done, and what became of it (r: 0 done, -EAGAIN the
 * token is away, else refused), of which said is the first line. Return: 0, or negative
 * when it cannot be noted: then nothing is to be done. */
int key_work_begins(const struct instance *i, const struct key_work *w);
void key_work_ended(
	const struct instance *i, const struct key_work *w, int r, const char *said);

#endif
