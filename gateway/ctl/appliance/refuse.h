/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The line that says why a configuration is not taken; never decides that.
 */
#ifndef SEALGATE_CTL_APPLIANCE_REFUSE_H
#define SEALGATE_CTL_APPLIANCE_REFUSE_H

/* Into *ret_error, where there is none yet: "WHERE: received 'WHAT': WHY; FIX". Return:
 * -EINVAL. */
int appliance_refuse(char **ret_error, const char *where, const char *received,
	const char *why, const char *fix);

#endif
