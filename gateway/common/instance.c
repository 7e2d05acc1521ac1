/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/instance.h"

#include "common/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const PROGRAMS[INSTANCE_PROGRAMS] = { "nginx", "intake", "verify",
	"queued", "signer", "seal", "forward", "admin", "trustd", "health", "backup",
	"replay" };

int instance_path(const struct instance *i, const char *name, char ret_path[PATH_MAX])
{
	int n = name[0] == '/' ? snprintf(ret_path, PATH_MAX, "%s", name)
			       : snprintf(ret_path, PATH_MAX, "%s/%s", i->dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int instance_credential(const char *name, char ret_id[INSTANCE_CREDENTIAL_SIZE])
{
	int n = snprintf(
		ret_id, INSTANCE_CREDENTIAL_SIZE, INSTANCE_CREDENTIAL "%s", name);

	if (name[0] == '/' || n >= INSTANCE_CREDENTIAL_SIZE)
		return -EINVAL;
	for (char *slash = ret_id; (slash = strchr(slash, '/')) != NULL;)
		*slash = '_';
	return 0;
}

int instance_secret(const struct instance *i, const char *name, char ret_path[PATH_MAX])
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char id[INSTANCE_CREDENTIAL_SIZE];

	if (folder && instance_credential(name, id) == 0 &&
		snprintf(ret_path, PATH_MAX, "%s/%s", folder, id) < PATH_MAX &&
		access(ret_path, F_OK) == 0)
		return 0;
	return instance_path(i, name, ret_path);
}

int instance_socket(
	const struct instance *i, const char *program, char ret_path[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), "run/%s.sock", program);
	return instance_path(i, name, ret_path);
}

static int fail(char **ret_error, int error, const char *what)
{
	if (asprintf(ret_error, "%s: %s", what, strerror(-error)) < 0)
		*ret_error = NULL;
	return error;
}

static uid_t configured(const struct instance *i, const char *program)
{
	char key[64];

	snprintf(key, sizeof(key), "peers.%s", program);
	return (uid_t)config_int(i->config, key);
}

/* They are asked for with each connection and each signature. */
static void read_peers(struct instance *i)
{
	i->separate = config_bool(i->config, "peers.separate");
	for (size_t n = 0; n < INSTANCE_PROGRAMS; n++)
		i->uids[n] = configured(i, PROGRAMS[n]);
}

int instance_open(const char *dir, struct instance *ret_instance, char **ret_error)
{
	char path[PATH_MAX];
	int r;

	*ret_error = NULL;
	*ret_instance = (struct instance){ 0 };
	if (!dir)
		dir = getenv("SEALGATE_INSTANCE");
	if (!dir) {
		*ret_error = strdup("name an instance: --instance DIR or "
				    "SEALGATE_INSTANCE");
		return -EINVAL;
	}
	if (!realpath(dir, ret_instance->dir))
		return fail(ret_error, -errno, dir);
	r = instance_path(ret_instance, "sealgate.conf", path);
	if (r < 0)
		return fail(ret_error, r, dir);
	r = config_load(path, &ret_instance->config, ret_error);
	if (r == 0)
		read_peers(ret_instance);
	return r;
}

int instance_make_folder(const struct instance *i, const char *name, mode_t mode)
{
	char path[PATH_MAX];
	int r = instance_path(i, name, path);

	if (r < 0)
		return r;
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

void instance_done(struct instance *i)
{
	config_free(i->config);
	i->config = NULL;
}

static uid_t uid_of(const struct instance *i, const char *program)
{
	for (size_t n = 0; n < INSTANCE_PROGRAMS; n++)
		if (strcmp(PROGRAMS[n], program) == 0)
			return i->uids[n];
	return configured(i, program);
}

bool instance_peer_is(const struct instance *i, int socket, const char *program)
{
	uid_t uid;

	if (ipc_peer(socket, &uid, NULL) < 0)
		return false;
	return i->separate ? uid == uid_of(i, program) : uid == geteuid();
}

const char *instance_peer_name(const struct instance *i, int socket)
{
	uid_t uid;

	if (ipc_peer(socket, &uid, NULL) < 0)
		return NULL;
	if (!i->separate)
		return uid == geteuid() ? "any" : NULL;
	for (size_t n = 0; n < INSTANCE_PROGRAMS; n++)
		if (uid == i->uids[n])
			return PROGRAMS[n];
	return NULL;
}
