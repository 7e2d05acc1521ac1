/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Secrets that people type, without echo, or lines of standard input when that is no
 * terminal; never an argument of a command, which others can see.
 */
#ifndef SEALGATE_COMMON_PROMPT_H
#define SEALGATE_COMMON_PROMPT_H

#include <stddef.h>

/* Ask and read one line of at most size - 1 octets. Wipe it after use.
 * Return: 0, -E2BIG, -ENODATA at the end of the input, -EIO. */
int prompt_secret(const char *question, char *ret_text, size_t size);

#endif
