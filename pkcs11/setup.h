/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Commands for people who set the signer up: token, keys, requests, certificates, the
 * count; never answer a program.
 */
#ifndef SEALGATE_PKCS11_SETUP_H
#define SEALGATE_PKCS11_SETUP_H

#include "pkcs11/bench.h"
#include "pkcs11/key_events.h"

#define SETUP_USAGE 2

/* What the commands share: a message for people, the instance and its roles. */
struct setup {
	const struct instance *instance;
	struct roles roles;
	struct module module;
	PKCS11_SLOT *slot;	   /* of the token */
	CK_SESSION_HANDLE session; /* read-write, user logged in */
	uid_t uid;		   /* of who runs the command */
};

/* Print "sealgate-signer: ..." to standard error. Return: -EINVAL. */
int setup_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As setup_fail with the answer of a call. Return: -EIO. */
int setup_fail_rv(const char *call, CK_RV rv);

/* Tell the audit chain that the command, as the signer's uid by now, works at the token
 * or its PIN by itself. Return: 0, or negative after a message: then it must not. */
int setup_begins(const struct setup *s, struct key_work *w);

/* Open the module and find the one token with a label. Return: as below. */
int setup_find_token(struct setup *s, const char *label);

/* Open module and token, log the user in. Return: 0 or negative after a message. */
int setup_open(struct setup *s);
void setup_close(struct setup *s);

/* A bench at the token that setup_open has opened. */
void setup_bench(const struct setup *s, struct bench *ret_bench);

/* Print what was said at a bench, to standard error when r is negative. Return: r. */
int setup_told(const struct bench *b, int r);

/* The roles of the instance. Return: 0 or negative after a message. */
int setup_roles(struct setup *s);

/* A role by its name, or NULL after a message. */
const struct role *setup_role(const struct setup *s, const char *name);

/* The commands. Return: exit status. */
int setup_init(struct setup *s);
int setup_keys(struct setup *s); /* make those that are missing */

int setup_custody(struct setup *s, int argc, char **argv);

/* The file that `custody -k K -o FILE ...` closes a PIN into, without token or instance,
 * or NULL when it is another command. */
const char *setup_custody_file(int argc, char *const *argv);
int setup_ceremony(struct setup *s, int argc, char **argv);
int setup_activate(const struct instance *instance, int argc, char **argv);

/* Is it a command that the running signer carries out, which has the PIN? */
bool setup_is_work(int argc, char *const *argv);

/* Have it do so. *ret_done: false when nothing was, and this program may open the token
 * by itself: no signer answers, or its token is not active, and nobody asked from afar.
 * Return: exit status. */
int setup_work(const struct instance *instance, int argc, char **argv, bool *ret_done);

/* The octets that a command is given: of a file, or, where it is called by its digest
 * (SETUP_GIVEN), of standard input. Return: 0 or negative after a message. */
#define SETUP_GIVEN "sha256:"
int setup_given(const char *name, uint8_t **ret_data, size_t *ret_len);

/* Run `argv[0]` ("init-token", "csr", ...) with its arguments.
 * Return: exit status, SETUP_USAGE for wrong usage. */
int setup_run(const struct instance *instance, int argc, char **argv);

#endif
