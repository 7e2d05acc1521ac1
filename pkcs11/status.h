/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signer's state as JSON for people and health; never holds anything secret.
 */
#ifndef SEALGATE_PKCS11_STATUS_H
#define SEALGATE_PKCS11_STATUS_H

#include "common/instance.h"
#include "pkcs11/sign.h"

/* {"token","test","software","active","away","reason","roles":[{"role","mechanism","peer",
 * "usable","reason","count","not_after","days_left"}],"last_sign_ms","last_sign_at",
 * "unverified","openings","log":{"position","chain"}}. The caller frees; NULL when memory
 * ran out. */
char *status_json(const struct instance *instance, struct signing *s);

#endif
