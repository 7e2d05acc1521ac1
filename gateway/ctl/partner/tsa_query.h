/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A time-stamp over some octets from an authority on the network, for `sealgate sign`;
 * never follows a redirect, never speaks anything but http and https.
 */
#ifndef SEALGATE_CTL_TSA_QUERY_H
#define SEALGATE_CTL_TSA_QUERY_H

#include "common/span.h"

/* Ask for a token. The caller frees *ret_token, and *ret_reason, one line why not.
 * Return: 0 or negative. */
int tsa_query(const char *url, struct span octets, uint8_t **ret_token, size_t *ret_len,
	char **ret_reason);

#endif
