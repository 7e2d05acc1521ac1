/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/instance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/secret_files.h"
#include "ctl/appliance/secret_line.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREDS "/usr/bin/systemd-creds"
#define SOCKET "/run/appliance-secret.sock"

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
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
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

/* One connection for all of them: its unit is started once. */
static int ask(int *line, const char *id, struct span clear, uint8_t **ret_sealed,
	size_t *ret_len)
{
	char name[INSTANCE_CREDENTIAL_SIZE];
	int r = 0;

	if (*line < 0)
		*line = r = appliance_connect(SOCKET, 0);
	if (r >= 0)
		r = secret_send(*line, id, clear);
	if (r == 0)
		r = secret_receive(*line, name, SECRET_SEALED_MAX, ret_sealed, ret_len);
	if (r <= 0)
		return r < 0 ? r : -ECONNRESET;
	return strcmp(name, id) == 0 ? 0 : -EPROTO;
}

/* The medium is "nothing new" once its serial is kept: what it brought is kept before. */
static int encrypt(int *line, struct span clear, const char *path, const char *unit,
	const char *folder)
{
	_cleanup_(freep) uint8_t *sealed = NULL;
	char id[INSTANCE_CREDENTIAL_SIZE], out[PATH_MAX];
	size_t len = 0;
	int r = instance_credential(path, id);

	if (r < 0)
		return r;
	if (snprintf(out, sizeof(out), "%s/" INSTANCE_SEALED "/%s/%s", folder, unit,
		    id + strlen(INSTANCE_CREDENTIAL)) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = ask(line, id, clear, &sealed, &len);
	return r < 0 ? r : secret_keep(span_of(sealed, len), out);
}

/* Certificates are no secrets: they are shown in the report, with their days. */
int appliance_seal_secret(const struct manifest *m, const struct manifest_file *f,
	const char *unit, const char *folder, int *line)
{
	uint8_t *clear = NULL;
	size_t len = 0;
	int r = manifest_read(m, f, SECRET_FILE_MAX, &clear, &len);

	if (r < 0)
		return r;
	r = secret_is_public(span_of(clear, len))
		    ? 1
		    : encrypt(line, span_of(clear, len), f->path, unit, folder);
	OPENSSL_cleanse(clear, len);
	free(clear);
	return r;
}

/* With the key in /var, which the TPM opens, and not by the TPM once more: it counts a
 * power loss as a wrong try and, after a few, gives out nothing for a time. */
int appliance_secret(void)
{
	return secret_serve(STDIN_FILENO, STDOUT_FILENO, CREDS);
}
