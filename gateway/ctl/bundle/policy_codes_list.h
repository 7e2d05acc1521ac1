/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy codes list: the code lists of a policy, with their versions; never
 * whether they are the newest that others publish.
 */
#ifndef SEALGATE_CTL_POLICY_CODES_LIST_H
#define SEALGATE_CTL_POLICY_CODES_LIST_H

#include <stdint.h>
#include <stdio.h>

/* Write a row a list to out: name, version, days from and until, how many codes, how
 * they are kept, what it is; - for what is not said. A version whose days are not those
 * of at (seconds) is marked. *ret_error: one line, the caller frees.
 * Return: 0, -EINVAL, -errno. */
int policy_codes_list(const char *policies, int64_t at, FILE *out, char **ret_error);

#endif
