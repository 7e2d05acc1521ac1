/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/ownership.h"

#include "common/events.h"
#include "pkcs11/setup.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>

#define TREE_FDS 16

static uid_t signer_uid; /* for the walk, whose callback takes no argument of ours */

static int give(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return lchown(path, signer_uid, (gid_t)signer_uid);
}

static int give_file(const struct instance *instance, const char *key)
{
	char path[PATH_MAX];
	int r = instance_path(instance, config_string(instance->config, key), path);

	if (r == 0 && lchown(path, signer_uid, (gid_t)signer_uid) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

static int become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setgid((gid_t)uid) < 0 || setuid(uid) < 0)
		return -errno;
	return 0;
}

/* What of state/ is the signer's: its own, and what it tells the audit chain. */
static const struct {
	const char *name;
	mode_t mode;
	bool given;
} FOLDERS[] = {
	{ "state", 0755, false },
	{ "state/signer", 0700, true },
	{ EVENTS_FOLDER, 0755, false },
	{ EVENTS_FOLDER "/signer", 0755, true },
};

#define FOLDER_COUNT (sizeof(FOLDERS) / sizeof(FOLDERS[0]))

static int make_folders(const struct instance *instance)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < FOLDER_COUNT; i++)
		r = instance_make_folder(instance, FOLDERS[i].name, FOLDERS[i].mode);
	return r;
}

static int give_folders(const struct instance *instance)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < FOLDER_COUNT; i++) {
		r = instance_path(instance, FOLDERS[i].name, path);
		if (r == 0 && FOLDERS[i].given &&
			nftw(path, give, TREE_FDS, FTW_PHYS) != 0)
			r = -errno;
	}
	return r;
}

int ownership_take(const struct instance *instance)
{
	int r = make_folders(instance);

	if (r == 0 && geteuid() == 0 && config_bool(instance->config, "peers.separate")) {
		signer_uid = (uid_t)config_int(instance->config, "peers.signer");
		r = give_folders(instance);
		if (r == 0)
			r = give_file(instance, "signer.pin_file");
		if (r == 0)
			r = give_file(instance, "signer.so_pin_file");
		if (r == 0)
			r = become(signer_uid);
	}
	if (r < 0)
		setup_fail(
			"state/signer cannot be given to the signer: %s", strerror(-r));
	return r;
}
