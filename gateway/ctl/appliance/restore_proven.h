/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What restore_take made, proven once more by who puts it in place: whoever read a medium
 * may be somebody else's by then; never changes any of it.
 */
#ifndef SEALGATE_CTL_RESTORE_PROVEN_H
#define SEALGATE_CTL_RESTORE_PROVEN_H

#include "ctl/appliance/restore.h"
#include "ctl/appliance/swap.h"

#include <stdio.h>

/* The list below new, at its first octet, which is what is signed; the caller closes it.
 * ret_serial: with which. Return: 0, -EKEYREJECTED, -EBADMSG, -errno with *ret_error. */
int restore_proven_list(const struct restore_places *p, const char *new, FILE **ret_list,
	char ret_serial[SWAP_SERIAL_MAX + 1], char **ret_error);

/* Is what is open what the line says: a folder, or a file with these octets? Return: 0,
 * -ELOOP it is neither, -EBADMSG it is another, -errno. */
int restore_proven_file(int fd, const struct backup_line *l);

/* How many files and folders there are below and with new/state. Return: 0 or -errno. */
int restore_count(const char *new, size_t *ret_count);

#endif
