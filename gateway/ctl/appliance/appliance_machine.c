/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEMCTL "/usr/bin/systemctl"
#define REBOOT_UNIT "reboot.target"
#define MANAGER "/run/systemd/system" /* there where systemd is who starts units */
#define RECOVERY_KEY APPLIANCE_HANDOVER "/recovery-key"
#define RECOVERY_KEY_MAX 4096u
/* What the next start is asked for, where systemd-repart knows it. */
#define FACTORY_RESET                                                                    \
	"/sys/firmware/efi/efivars/FactoryReset-8cf2644b-4b0b-428f-9387-6d876050dc67"

int appliance_start(const char *unit, bool wait)
{
	const char *const await[] = { SYSTEMCTL, "start", unit, NULL };
	const char *const ask[] = { SYSTEMCTL, "--no-block", "start", unit, NULL };
	/* Nothing that fails on the way down takes its place. */
	const char *const reboot[] = { SYSTEMCTL, "--no-block",
		"--job-mode=replace-irreversibly", "start", unit, NULL };
	const char *const forgive[] = { SYSTEMCTL, "reset-failed", unit, NULL };
	int r = appliance_run(wait			       ? await
			      : strcmp(unit, REBOOT_UNIT) == 0 ? reboot
							       : ask);

	/* Who waited tells why: what was refused is no fault of the machine. */
	if (wait && r != 0)
		(void)appliance_run(forgive);
	return r > 0 ? -EIO : r;
}

bool appliance_has_units(void)
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	char real[PATH_MAX];

	return access(MANAGER, F_OK) == 0 && dir && realpath(dir, real) &&
	       strcmp(real, APPLIANCE_INSTANCE) == 0;
}

bool appliance_forgets(void)
{
	struct stat st;

	return stat(FACTORY_RESET, &st) == 0;
}

int appliance_forget(void)
{
	/* attributes (kept, of boot services and of the system that runs), then "yes" */
	static const uint8_t YES[] = { 7, 0, 0, 0, 'y', 0, 'e', 0, 's', 0, 0, 0 };
	ssize_t n = write(STDOUT_FILENO, YES, sizeof(YES));

	if (n != (ssize_t)sizeof(YES))
		return n < 0 ? -errno : -EIO;
	return 0;
}

int appliance_forgotten(void)
{
	_cleanup_(closep) int fd = open(FACTORY_RESET, O_RDONLY | O_CLOEXEC);
	int removable = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (ioctl(fd, FS_IOC_SETFLAGS, &removable) < 0 || unlink(FACTORY_RESET) < 0)
		return -errno;
	return 0;
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
