/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From the results of an import to the octets of a snapshot file (trust/map.h); private
 * to this library, never holds a list that is without
 * effect for another reason than its end, which is for whoever reads to judge.
 */
#ifndef SEALGATE_TRUST_MAP_WRITE_H
#define SEALGATE_TRUST_MAP_WRITE_H

#include "trust/import.h"
#include "trust/map.h"

/* Append a whole file. Return: 0 or negative. */
int map_write(const struct list_results *r, int64_t at, struct buf *ret);

#endif
