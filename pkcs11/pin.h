/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The PIN: read from a TEST instance's file or taken from who holds it, used once, wiped;
 * never logged, never tried again after the token refused it.
 */
#ifndef SEALGATE_PKCS11_PIN_H
#define SEALGATE_PKCS11_PIN_H

#include <p11-kit/pkcs11.h>

#define PIN_SIZE 65
#define PIN_MIN 4 /* octets */

struct pin_files {
	const char *pin;
	const char
		*known_by;  /* the file that changes when the PIN does: mostly the same */
	const char *marker; /* written when the token refuses the PIN of that file */
};

/* Read a PIN of 4 to 64 octets, one line. Wipe it with OPENSSL_cleanse.
 * Return: 0, -EINVAL, -errno. */
int pin_read(const char *path, char ret_pin[PIN_SIZE]);

/* Log the user in, application-wide. When the token refuses the PIN, the marker is
 * written; as long as marker and credential file stay as they are, the token is not asked
 * again. *ret_rv: the module's answer, CKR_OK when it was not asked. Return: 0, -EACCES
 * (the PIN was refused, now or before), -EAGAIN (*ret_rv), -errno. */
int pin_login(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	const struct pin_files *files, CK_RV *ret_rv);

/* Log the user in by a PIN that somebody holds. Return: 0, -EACCES (the token refused it:
 * it must not be tried again), -EAGAIN (*ret_rv). */
int pin_login_with(
	CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, const char *pin, CK_RV *ret_rv);

#endif
