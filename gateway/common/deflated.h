/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Octets packed into a text: deflated (RFC 1950), in base64; never unpacks beyond a
 * bound.
 */
#ifndef SEALGATE_COMMON_DEFLATED_H
#define SEALGATE_COMMON_DEFLATED_H

#include "common/span.h"

#include <stdint.h>

/* The text, which the caller frees; NULL when memory ran out. */
char *deflated_text(struct span octets);

/* The octets with a NUL behind them, which the caller frees. Return: 0, -EBADMSG (not
 * packed, or something follows), -E2BIG, -ENOMEM. */
int deflated_read(const char *text, size_t max, uint8_t **ret, size_t *ret_len);

#endif
