/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Work that takes longer, or other rights, than whoever orders it has; never waits for
 * it.
 */
#ifndef SEALGATE_CTL_UNIT_ORDER_H
#define SEALGATE_CTL_UNIT_ORDER_H

/* Have `sealgate COMMAND ordered` run: by the unit of the image or of the package, or,
 * where the instance of SEALGATE_INSTANCE is not theirs (`sealgate up`), by a process of
 * our own, in the group of whoever asked, with which it ends. Return: 0 or -errno. */
int unit_order(const char *unit, const char *command);

#endif
