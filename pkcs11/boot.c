/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/boot.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTION_SIZE (PATH_MAX + 32)
/* For the owner's processes, whatever session they are of; for nobody else. */
#define PERMISSIONS 0x3f3f0000u
static const char TYPE[] = "user";

/* The keyring of the uid, which no session or service has to itself. */
static long call(long command, long a, long b, long c)
{
	return syscall(SYS_keyctl, command, a, b, c, 0L);
}

static void describe(const struct instance *instance, char ret[DESCRIPTION_SIZE])
{
	(void)snprintf(ret, DESCRIPTION_SIZE, "sealgate-signer:%s", instance->dir);
}

static long find(const struct instance *instance)
{
	char description[DESCRIPTION_SIZE];

	describe(instance, description);
	return syscall(SYS_keyctl, (long)KEYCTL_SEARCH, (long)KEY_SPEC_USER_KEYRING, TYPE,
		description, 0L);
}

static int keep_secret(
	const struct instance *instance, const uint8_t secret[VAULT_KEY_SIZE])
{
	char description[DESCRIPTION_SIZE];
	long key;

	describe(instance, description);
	key = syscall(SYS_add_key, TYPE, description, secret, (size_t)VAULT_KEY_SIZE,
		(long)KEY_SPEC_USER_KEYRING);
	if (key < 0)
		return -errno;
	return call(KEYCTL_SETPERM, key, (long)PERMISSIONS, 0) < 0 ? -errno : 0;
}

int boot_keep(const struct instance *instance, const char *pin)
{
	uint8_t secret[VAULT_KEY_SIZE], closed[VAULT_SIZE];
	char path[PATH_MAX];
	int r = instance_path(instance, BOOT_FILE, path);

	if (r == 0 && RAND_bytes(secret, sizeof(secret)) != 1)
		r = -EIO;
	if (r == 0)
		r = vault_close(secret, span_str(instance->dir), pin, closed);
	if (r == 0)
		r = keep_secret(instance, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return r == 0 ? durable_write(path, span_of(closed, sizeof(closed)), 0600) : r;
}

int boot_recall(const struct instance *instance, char ret_pin[PIN_SIZE])
{
	_cleanup_(freep) uint8_t *closed = NULL;
	uint8_t secret[VAULT_KEY_SIZE];
	char path[PATH_MAX];
	size_t len = 0;
	long key = find(instance);
	int r = instance_path(instance, BOOT_FILE, path);

	if (key < 0)
		return -ENOKEY;
	if (r == 0)
		r = file_read(path, VAULT_SIZE, &closed, &len);
	if (r < 0)
		return r == -ENOENT ? -ENOKEY : r;
	if (len != VAULT_SIZE || call(KEYCTL_READ, key, (long)(uintptr_t)secret,
					 VAULT_KEY_SIZE) != VAULT_KEY_SIZE)
		return -ENOKEY;
	r = vault_open(secret, span_str(instance->dir), closed, ret_pin);
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

void boot_forget(const struct instance *instance)
{
	char path[PATH_MAX];
	long key = find(instance);

	if (key >= 0)
		call(KEYCTL_UNLINK, key, (long)KEY_SPEC_USER_KEYRING, 0);
	if (instance_path(instance, BOOT_FILE, path) == 0)
		unlink(path);
}
