/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/kind.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool names_use(const char *name)
{
	static const char *const USES[] = { "signers", "tsa", "seal" };

	for (size_t i = 0; i < sizeof(USES) / sizeof(USES[0]); i++)
		if (strcmp(USES[i], name) == 0)
			return true;
	return false;
}

static int look(const char *folder, bool *ret_uses, bool *ret_snapshots)
{
	DIR *d = opendir(folder);
	const struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d)) != NULL) {
		*ret_uses |= names_use(e->d_name);
		*ret_snapshots |= strncmp(e->d_name, "snapshot-", 9) == 0;
	}
	closedir(d);
	return *ret_uses == *ret_snapshots ? -EINVAL : 0;
}

int trust_kind_of(const char *folder, enum trust_kind *ret_kind, char **ret_error)
{
	bool uses = false, snapshots = false;
	int r = look(folder, &uses, &snapshots);

	if (r == 0)
		*ret_kind = uses ? TRUST_ANCHORS : TRUST_SNAPSHOTS;
	else if (asprintf(ret_error, "%s: %s", folder,
			 r != -EINVAL ? strerror(-r)
			 : uses	      ? "anchors and snapshots of lists in one folder"
				      : "neither anchors (signers, tsa, seal) nor "
					"snapshots of lists (sealgate trust import)") < 0)
		*ret_error = NULL;
	return r;
}
