/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Document ids: 26 characters of Crockford base32, 48 bits of milliseconds then 80 random
 * bits, so that they sort by time; never derived from a document's content.
 */
#ifndef SEALGATE_COMMON_ID_H
#define SEALGATE_COMMON_ID_H

#include "common/limits.h"

#include <stdbool.h>

/* Make a new id. Return: 0 or -EIO without randomness. */
int id_new(char ret_id[DOCUMENT_ID_SIZE]);

/* True for 26 characters of the alphabet. */
bool id_valid(const char *id);

#endif
