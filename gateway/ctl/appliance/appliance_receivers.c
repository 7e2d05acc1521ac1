/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVERS APPLIANCE_INSTANCE "/ship"

/* A name that a unit may have as it stands. */
static int is_receiver(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && e->d_type == DT_DIR &&
	       strspn(e->d_name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._") == len;
}

int appliance_receivers(char **ret_error)
{
	struct dirent **names = NULL;
	int count = scandir(RECEIVERS, &names, is_receiver, alphasort), r = 0;

	if (count < 0)
		return errno == ENOENT ? 0
				       : appliance_fail(ret_error, -errno, RECEIVERS,
						 strerror(errno));
	for (int i = 0; i < count; i++) {
		char unit[sizeof(names[i]->d_name) + 32];

		(void)snprintf(
			unit, sizeof(unit), "sealgate-ship@%s.timer", names[i]->d_name);
		if (r == 0)
			r = appliance_start(unit, false);
		if (r < 0 && !*ret_error)
			(void)appliance_fail(ret_error, r, unit, strerror(-r));
		free(names[i]);
	}
	free(names);
	return r;
}
