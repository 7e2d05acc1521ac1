/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/hsm.h"

#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
#define NETWORK "/usr/lib/sealgate/hsm/network.conf"
#define DROPINS "/run/systemd/system/sealgate-signer.service.d"

/* A plain file below folder, by a path that goes straight there. */
static bool is_below(const char *folder, const char *path)
{
	size_t len = strlen(folder);
	struct stat st;

	return strncmp(path, folder, len) == 0 && path[len] == '/' &&
	       !strstr(path, "/.") && lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int hsm_judge(const char *modules, const char *module, bool let_out, char **ret_error)
{
	if (is_below(modules, module))
		return 0;
	if (strcmp(module, SOFTHSM) != 0)
		return appliance_fail(ret_error, -EPERM, module,
			"is no module of this image (signer.module)");
	return let_out ? appliance_fail(ret_error, -EPERM, "network/egress.csv",
				 "the signer is let out for a module of the image alone "
				 "(signer.module)")
		       : 0;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int hsm_let_out(void)
{
	static const char *const reload[] = { "/usr/bin/systemctl", "daemon-reload",
		NULL };
	int r = make_folder("/run/systemd/system");

	if (r == 0)
		r = make_folder(DROPINS);
	if (r == 0 && symlink(NETWORK, DROPINS "/50-network.conf") < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0 && appliance_run(reload) != 0)
		r = -EIO;
	return r;
}
