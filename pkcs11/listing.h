/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is in the token for each role, and what is missing: for people who set it up;
 * never changes anything.
 */
#ifndef SEALGATE_PKCS11_LISTING_H
#define SEALGATE_PKCS11_LISTING_H

#include "pkcs11/sign.h"

#include <jansson.h>

/* The token, who opens it, and of each role its key, its certificate and what comes next.
 * A token that is not active shows nothing but that. The caller owns it; NULL: no memory.
 */
json_t *listing_json(const struct instance *instance, struct signing *s);

#endif
