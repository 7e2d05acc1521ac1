/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/own_folder.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int own_folder(const struct instance *instance, const char *name, const char *program,
	mode_t mode)
{
	char path[PATH_MAX], key[64];
	struct stat st;
	uid_t uid;
	int r = instance_make_folder(instance, name, mode);

	if (r == 0)
		r = instance_path(instance, name, path);
	if (r < 0)
		return r;
	if (!config_bool(instance->config, "peers.separate"))
		return 0;
	(void)snprintf(key, sizeof(key), "peers.%s", program);
	uid = (uid_t)config_int(instance->config, key);
	if (stat(path, &st) < 0)
		return -errno;
	return st.st_uid == uid || chown(path, uid, (gid_t)-1) == 0 ? 0 : -errno;
}
