/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One digest over the parts of a document that are archived, and that are erased: both
 * sides make it alike; never reads the parts.
 */
#ifndef SEALGATE_QUEUE_PARTS_H
#define SEALGATE_QUEUE_PARTS_H

#include "common/digest.h"

#include <jansson.h>

/* parts: objects with "sha256", in any order. SHA-256 over their digests, sorted, a line
 * each. Return: 0 or -errno. */
int parts_digest(const json_t *parts, char ret_digest[SHA256_TEXT_SIZE]);

#endif
