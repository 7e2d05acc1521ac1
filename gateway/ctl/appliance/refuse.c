/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/refuse.h"

#include <errno.h>
#include <stdio.h>

int appliance_refuse(char **ret_error, const char *where, const char *received,
	const char *why, const char *fix)
{
	if (!*ret_error && asprintf(ret_error, "%s: received '%s': %s; %s", where,
				   received, why, fix) < 0)
		*ret_error = NULL;
	return -EINVAL;
}
