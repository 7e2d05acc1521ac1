/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/log.h"
#include "ctl/appliance/order.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANAGER "/run/systemd/system" /* there where systemd is who starts units */
#define RECOVERY_KEY APPLIANCE_HANDOVER "/recovery-key"
#define RECOVERY_KEY_MAX 4096u

int appliance_start(const char *unit, bool wait)
{
	const struct order o = { .verb = wait ? ORDER_START : ORDER_CALL, .unit = unit };

	return order_give(&o, NULL);
}

void appliance_own(void)
{
	if (appliance_start("appliance-owner.service", true) < 0)
		log_event(LOG_WARNING, "appliance.apply", NULL,
			"the files of the configuration are root's with the next start "
			"only: until then no policy can be activated");
}

bool appliance_has_units(void)
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	char real[PATH_MAX];

	return access(MANAGER, F_OK) == 0 && dir && realpath(dir, real) &&
	       strcmp(real, APPLIANCE_INSTANCE) == 0;
}

int appliance_recovery_key(void)
{
	_cleanup_(freep) uint8_t *key = NULL;
	size_t len = 0;
	int r = appliance_start("appliance-recovery.service", true);

	if (r == 0)
		r = file_read(RECOVERY_KEY, RECOVERY_KEY_MAX, &key, &len);
	if (unlink(RECOVERY_KEY) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	if (r == 0 && (fwrite(key, 1, len, stdout) != len || fflush(stdout) != 0))
		r = -EIO;
	if (key)
		OPENSSL_cleanse(key, len);
	return r;
}
