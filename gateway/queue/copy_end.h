/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where the audit chain of a copied database ends, for whoever keeps the copy; never of a
 * database at work, and never writes beside it.
 */
#ifndef SEALGATE_QUEUE_COPY_END_H
#define SEALGATE_QUEUE_COPY_END_H

#include "common/digest.h"

#include <stdint.h>

/* The last record's position, 0 where there is none, and the chain there. path: a file
 * that nobody writes. Return: 0, -EBADMSG (it is no database of a queue, or not whole),
 * -errno. */
int copy_end(const char *path, int64_t *ret_position, uint8_t ret_chain[SHA256_SIZE]);

#endif
