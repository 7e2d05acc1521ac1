/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The line that says why a configuration is not taken, and how long it may be; never
 * decides that.
 */
#ifndef SEALGATE_CTL_APPLIANCE_REFUSE_H
#define SEALGATE_CTL_APPLIANCE_REFUSE_H

#include <stddef.h>

/* Into *ret_error, where there is none yet: "WHERE: received 'WHAT': WHY; FIX". Return:
 * -EINVAL. */
int appliance_refuse(char **ret_error, const char *where, const char *received,
	const char *why, const char *fix);

/* As much of a text as size octets hold with the NUL, in whole characters of UTF-8, an
 * ellipsis where it had more; of control characters each is a question mark. size: 4 at
 * least. */
void appliance_cut(const char *text, size_t size, char *ret);

#endif
