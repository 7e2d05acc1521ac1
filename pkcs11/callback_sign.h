/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signature of a call-back by the key of receipts: made of what sealgate-forward
 * tells about the call-back, in a form of the signer's own; never signs a digest or a
 * text that it was given.
 */
#ifndef SEALGATE_PKCS11_CALLBACK_SIGN_H
#define SEALGATE_PKCS11_CALLBACK_SIGN_H

#include "common/instance.h"
#include "pkcs11/sign.h"

/* Sign for a call-back whose texts are clean. *ret_jws: its compact form, the caller
 * frees; NULL unless signed. *ret_result: the answer. Refused: a partner that is no name,
 * a cursor or size below one, what is neither real
 * nor a rehearsal, a role of another algorithm or none. Return: its enum
 * signer_answer. */
enum signer_answer callback_sign(const struct instance *instance, struct signing *s,
	const struct signer_callback *callback, char **ret_jws,
	struct signer_result *ret_result);

#endif
