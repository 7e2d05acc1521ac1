/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/durable.h"
#include "common/instance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/secret_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CREDS "/usr/bin/systemd-creds"
#define CLEAR "/run/appliance-secrets"	       /* in memory */
#define SEALED "/run/appliance-secrets.sealed" /* the tool does not sync it */

/* Units of the image whose drop-in loads a folder each. */
static const char *const UNITS[] = { "edge", "signer", "set-up", "forward", "logs",
	"ship" };

static int make_folder(const char *folder, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" INSTANCE_SEALED "%s%s", folder,
		*name ? "/" : "", name);

	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* Whoever may not read them may see which there are: the signer knows a PIN that was
 * refused by that. */
int appliance_seal_folders(const char *folder)
{
	int r = make_folder(folder, "", 0755);

	for (size_t i = 0; r == 0 && i < sizeof(UNITS) / sizeof(UNITS[0]); i++)
		r = make_folder(folder, UNITS[i], 0755);
	return r;
}

/* Certificates are shown in the report, with their days. */
static bool is_public(const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;

	return file_read(path, SECRET_FILE_MAX, &text, &len) == 0 &&
	       secret_is_public(span_of(text, len));
}

/* With the key in /var, which the TPM opens, and not by the TPM once more: it counts a
 * power loss as a wrong try and, after a few, gives out nothing for a time.
 * The medium is "nothing new" once its serial is kept: what it brought is kept before. */
static int encrypt(
	const char *clear, const char *path, const char *unit, const char *folder)
{
	char id[INSTANCE_CREDENTIAL_SIZE], name[INSTANCE_CREDENTIAL_SIZE + 8],
		out[PATH_MAX];
	const char *const argv[] = { CREDS, "--with-key=host", name, "encrypt", clear,
		SEALED, NULL };
	int r = instance_credential(path, id);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "--name=%s", id);
	if (snprintf(out, sizeof(out), "%s/" INSTANCE_SEALED "/%s/%s", folder, unit,
		    id + strlen(INSTANCE_CREDENTIAL)) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = appliance_remove(SEALED);
	if (r == 0)
		r = appliance_run(argv);
	if (r == 0)
		r = secret_keep(SEALED, out);
	(void)appliance_remove(SEALED);
	return r > 0 ? -EIO : r;
}

int appliance_seal_secret(const struct manifest *m, const struct manifest_file *f,
	const char *unit, const char *folder)
{
	char clear[PATH_MAX];
	int e, r = appliance_remove(CLEAR);

	if (r == 0 && mkdir(CLEAR, 0700) < 0)
		r = -errno;
	if (r == 0 && snprintf(clear, sizeof(clear), CLEAR "/%s", f->path) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (r == 0)
		r = manifest_copy(m, f, CLEAR, 0400);
	if (r == 0)
		r = is_public(clear) ? 1 : encrypt(clear, f->path, unit, folder);
	e = appliance_remove(CLEAR);
	return r < 0 || e == 0 ? r : e;
}
