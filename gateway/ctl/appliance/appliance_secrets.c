/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/buf.h"
#include "common/instance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/secret_files.h"

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
#define SEALED_MAX (4 * SECRET_FILE_MAX) /* base64, and what encryption adds */

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

/* The medium is "nothing new" once its serial is kept: what it brought is kept before. */
static int encrypt(
	struct span clear, const char *path, const char *unit, const char *folder)
{
	_cleanup_buf_ struct buf request, sealed;
	char id[INSTANCE_CREDENTIAL_SIZE], out[PATH_MAX];
	int r = instance_credential(path, id);

	buf_init(&request, SECRET_FILE_MAX + sizeof(id) + 1);
	buf_init(&sealed, 0);
	if (r < 0)
		return r;
	if (snprintf(out, sizeof(out), "%s/" INSTANCE_SEALED "/%s/%s", folder, unit,
		    id + strlen(INSTANCE_CREDENTIAL)) >= PATH_MAX)
		return -ENAMETOOLONG;
	buf_addf(&request, "%s\n", id);
	buf_add_span(&request, clear);
	r = request.error;
	if (r == 0)
		r = appliance_ask(SOCKET, 0, buf_span(&request), SEALED_MAX, &sealed);
	if (r == 0) /* without the NUL */
		r = secret_keep(span_of(sealed.data, sealed.len - 1), out);
	if (request.data)
		OPENSSL_cleanse(request.data, request.len);
	return r;
}

/* Certificates are no secrets: they are shown in the report, with their days. */
int appliance_seal_secret(const struct manifest *m, const struct manifest_file *f,
	const char *unit, const char *folder)
{
	uint8_t *clear = NULL;
	size_t len = 0;
	int r = manifest_read(m, f, SECRET_FILE_MAX, &clear, &len);

	if (r < 0)
		return r;
	r = secret_is_public(span_of(clear, len))
		    ? 1
		    : encrypt(span_of(clear, len), f->path, unit, folder);
	OPENSSL_cleanse(clear, len);
	free(clear);
	return r;
}

/* Octet by octet: what follows is for the tool. */
static int read_name(char ret_name[INSTANCE_CREDENTIAL_SIZE])
{
	size_t len = 0;

	while (len < INSTANCE_CREDENTIAL_SIZE &&
		read(STDIN_FILENO, ret_name + len, 1) == 1) {
		if (ret_name[len] == '\n') {
			ret_name[len] = '\0';
			return 0;
		}
		len++;
	}
	return -EINVAL;
}

/* With the key in /var, which the TPM opens, and not by the TPM once more: it counts a
 * power loss as a wrong try and, after a few, gives out nothing for a time. */
int appliance_secret(void)
{
	char id[INSTANCE_CREDENTIAL_SIZE], name[INSTANCE_CREDENTIAL_SIZE + 8];
	const char *const argv[] = { CREDS, "--with-key=host", name, "encrypt", "-", "-",
		NULL };
	int r = read_name(id);

	if (r < 0 || strncmp(id, INSTANCE_CREDENTIAL, strlen(INSTANCE_CREDENTIAL)) != 0 ||
		strchr(id, '/'))
		return -EINVAL;
	(void)snprintf(name, sizeof(name), "--name=%s", id);
	(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	return -errno;
}
