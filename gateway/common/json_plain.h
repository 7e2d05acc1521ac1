/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Canonical JSON recognised in one pass over its octets, as most of ours can be; never
 * says yes to what json_canonical() would write otherwise, and says no to much that it
 * would not.
 */
#ifndef SEALGATE_COMMON_JSON_PLAIN_H
#define SEALGATE_COMMON_JSON_PLAIN_H

#include "common/span.h"

#include <stdbool.h>

/* Is text an object in canonical form, of printable ASCII without escapes, integers of at
 * most 18 digits, no real numbers, at most 16 deep? ret_values: of the members of the
 * outermost object that names says and that are strings, borrowed; data NULL of all else.
 * No: look with a JSON library. */
bool json_plain_canonical(struct span text, const char *const names[], size_t count,
	struct span ret_values[]);

#endif
