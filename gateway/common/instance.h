/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An instance: the folder with sealgate.conf, policies/, state/ and run/, and who may
 * speak to whom in it; never opens the database or the token.
 */
#ifndef SEALGATE_COMMON_INSTANCE_H
#define SEALGATE_COMMON_INSTANCE_H

#include "common/config.h"

#include <limits.h>
#include <sys/types.h>

#define INSTANCE_PROGRAMS 12

struct instance {
	char dir[PATH_MAX]; /* absolute, no trailing slash */
	struct config *config;
	bool separate; /* each program has a uid of its own */
	uid_t uids[INSTANCE_PROGRAMS];
};

/* Open the instance in dir (NULL: $SEALGATE_INSTANCE). *ret_error is one line for people,
 * the caller frees it. Return: 0, -EINVAL, -errno. */
int instance_open(const char *dir, struct instance *ret_instance, char **ret_error);
void instance_done(struct instance *i);

/* Join the instance's folder and a relative name; an absolute name stays as it is.
 * Return: 0 or -ENAMETOOLONG. */
int instance_path(const struct instance *i, const char *name, char ret_path[PATH_MAX]);

/* Make a folder of the instance, by a name as of instance_path, with this mode whatever
 * the umask is. One that is there stays as it is. Return: 0 or -errno. */
int instance_make_folder(const struct instance *i, const char *name, mode_t mode);

/* Where the appliance keeps secrets, encrypted, below the instance: a folder a unit. */
#define INSTANCE_SEALED "sealed"

/* What the service manager calls a file of the instance that it hands over as a
 * credential (systemd.exec(5)): INSTANCE_CREDENTIAL and the name, with _ for each slash,
 * so that a/b and a_b are one; an appliance refuses a configuration with both.
 * Return: 0 or -EINVAL: the name is absolute, or too long. */
#define INSTANCE_CREDENTIAL "sealgate_"
#define INSTANCE_CREDENTIAL_SIZE 256
int instance_credential(const char *name, char ret_id[INSTANCE_CREDENTIAL_SIZE]);

/* Where to read a secret: as a credential, when the service manager has handed it over,
 * else as instance_path. */
int instance_secret(const struct instance *i, const char *name, char ret_path[PATH_MAX]);

/* Path of run/NAME.sock: intake, verify, queued, signer, admin, ... */
int instance_socket(
	const struct instance *i, const char *program, char ret_path[PATH_MAX]);

/* True when the process at the other end of socket runs under the uid of the named
 * program
 * ("intake") or, without peer separation, under our own uid. */
bool instance_peer_is(const struct instance *i, int socket, const char *program);

/* The name of the program whose uid the peer has; without peer separation "any" for our
 * own uid; NULL for a stranger. */
const char *instance_peer_name(const struct instance *i, int socket);

#endif
