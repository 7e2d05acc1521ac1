/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Hexadecimal and base64 (RFC 4648); never accepts what it would not write, except
 * white space in base64, which XML allows.
 */
#ifndef SEALGATE_COMMON_ENCODE_H
#define SEALGATE_COMMON_ENCODE_H

#include "common/span.h"

/* Write len octets as 2*len lower-case digits and a NUL. */
void hex_encode(const uint8_t *data, size_t len, char *ret_text);

/* Read exactly 2*len digits of either case. Return: 0 or -EINVAL. */
int hex_decode(const char *text, uint8_t *ret_data, size_t len);

/* Octets of text that n octets of data become, without the NUL. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Encode with padding and without line breaks; the caller frees. Return: text or NULL. */
char *base64_encode(struct span data);

/* Decode; white space (space, tab, CR, LF) is skipped, anything else outside the
 * alphabet, wrong padding or set spare bits are refused. The caller frees *ret_data
 * (never NULL on success), which has a NUL after its end. Return: 0, -EINVAL, -ENOMEM.
 */
int base64_decode(struct span text, uint8_t **ret_data, size_t *ret_len);

/* The same in the alphabet of URLs and without padding (RFC 7515 section 2). */
char *base64url_encode(struct span data);
int base64url_decode(const char *text, uint8_t **ret_data, size_t *ret_len);

#endif
