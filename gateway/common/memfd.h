/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed memfds: how octets travel between processes; never maps one that can still
 * change.
 */
#ifndef SEALGATE_COMMON_MEMFD_H
#define SEALGATE_COMMON_MEMFD_H

#include "common/span.h"

/* Copy data into a new memfd and seal it (write, shrink, grow, seal).
 * Return: the descriptor, which the caller closes, or -errno. */
int memfd_from(const char *name, struct span data);

/* Seal a memfd that the caller has written. Return: 0 or -errno. */
int memfd_seal(int fd);

/* Map a memfd read-only; refused with -EPERM unless all four seals are set and with
 * -EFBIG when longer than max. A mapping of length 0 has data "". Undo with memfd_unmap.
 */
int memfd_map(int fd, size_t max, struct span *ret_data);

/* Unmap; NULL-safe for a zeroed or empty span. */
void memfd_unmap(struct span *data);

/* The same with a copy of what is small, which costs a third of a mapping; undo with
 * memfd_release. Not for a process that may only map. */
int memfd_read(int fd, size_t max, struct span *ret_data);
void memfd_release(struct span *data);

#endif
