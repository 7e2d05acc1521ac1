/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may make the signer use the token, and since when: alone (TEST), or k of n people
 * together; never logs in by itself, never tries a PIN twice.
 */
#ifndef SEALGATE_PKCS11_ACTIVATION_H
#define SEALGATE_PKCS11_ACTIVATION_H

#include "common/cleanup.h"
#include "common/instance.h"
#include "pkcs11/custody.h"

#include <stdbool.h>

#define ACTIVATION_TEXT_SIZE 96
#define ACTIVATION_ENTER_MS (10 * 60 * 1000) /* between the first and the last person */

enum activation_mode {
	ACTIVATION_NONE = 0, /* "auto" outside of a TEST instance: nobody can */
	ACTIVATION_AUTO,     /* by the PIN file, TEST instances only */
	ACTIVATION_PROCESS,  /* k of n people, again after every start of the signer */
	ACTIVATION_BOOT,     /* k of n people, again after every start of the machine */
};

enum activation_answer {
	ACTIVATION_REFUSED = 0,
	ACTIVATION_WAITING, /* for more people */
	ACTIVATION_OPEN,    /* the token may be opened */
};

struct activation;

/* By signer.activation; what is kept for a restart is taken up.
 * Return: 0, -EINVAL (no such mode), -ENOMEM. */
int activation_new(const struct instance *instance, struct activation **ret_activation);
void activation_free(struct activation *a);
DEFINE_CLEANUP(struct activation *, activation_free)

/* A person enters a passphrase; in mode auto the name is "" and ends a deactivation.
 * ret_text: one line for people, always set. */
enum activation_answer activation_enter(struct activation *a, const char *name,
	const char *passphrase, char ret_text[ACTIVATION_TEXT_SIZE]);

/* The PIN that people have opened, or -EAGAIN with one line why there is none. Wipe it.
 */
int activation_pin(struct activation *a, char ret_pin[PIN_SIZE],
	char ret_text[ACTIVATION_TEXT_SIZE]);

/* True in mode auto, unless it was ended. */
bool activation_auto(struct activation *a);

/* What comes into CUSTODY_NEXT_FILE: whoever has entered a passphrase for what was there
 * enters again. Return: 0 or -errno, and what was there stays. */
int activation_renew(struct activation *a, const struct custody *c);

/* The token has taken the PIN, which activation_pin gave: the unproven custody that it
 * was opened by takes the other's place. Another PIN that is open meanwhile stays as it
 * is. */
void activation_proven(struct activation *a, const char pin[PIN_SIZE]);

/* The token refused the PIN: it is forgotten and never tried again, and so is the custody
 * that it came of, where that was unproven. */
void activation_wrong(struct activation *a, const char pin[PIN_SIZE]);

/* Deactivate: PIN, shares and what was kept for a restart are gone at once. */
void activation_end(struct activation *a);

struct activation_view {
	const char *mode; /* "auto", "custodians", "boot", "none" */
	unsigned int threshold, entered;
	bool open, ended;
	bool unproven; /* a PIN that was closed anew waits for the token to take it */
};
void activation_view(struct activation *a, struct activation_view *ret_view);

#endif
