/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The token's PIN in the hands of several people: any k of n of them open it together,
 * fewer learn nothing; never a passphrase or a PIN on the disk.
 *
 * The PIN is closed once for every set of k people, under a key that is derived from what
 * each of them alone can derive from a passphrase. So there is nothing on the disk by
 * which one passphrase could be tried without the others.
 */
#ifndef SEALGATE_PKCS11_CUSTODY_H
#define SEALGATE_PKCS11_CUSTODY_H

#include "pkcs11/vault.h"

#include <stddef.h>
#include <stdint.h>

#define CUSTODY_FILE "state/signer/custody.json"
#define CUSTODY_NEXT_FILE "state/signer/custody.next.json" /* not proven by the token */
#define CUSTODY_PEOPLE_MAX 8
#define CUSTODY_SETS_MAX 70 /* 4 of 8 */
#define CUSTODY_NAME_SIZE 32
#define CUSTODY_PASSPHRASE_SIZE 256
#define CUSTODY_PASSPHRASE_MIN 12
#define CUSTODY_SALT_SIZE 16
#define CUSTODY_SHARE_SIZE 32

struct custody {
	unsigned int threshold;
	size_t count;
	struct {
		char name[CUSTODY_NAME_SIZE];
		uint8_t salt[CUSTODY_SALT_SIZE];
	} people[CUSTODY_PEOPLE_MAX];
	size_t set_count;
	struct {
		unsigned int people; /* a bit each */
		uint8_t closed[VAULT_SIZE];
	} sets[CUSTODY_SETS_MAX];
};

/* Close a PIN for k of the named people. Names are letters, digits, '-', '_' and '.', no
 * two alike; k is at least 2. Return: 0, -EINVAL, -EIO. */
int custody_make(unsigned int k, size_t count, const char *const *names,
	const char *const *passphrases, const char *pin, struct custody *ret);

/* Return: 0, -EINVAL (not of the form), -errno. */
int custody_read(const char *path, struct custody *ret);

/* The same of octets; every set of k people has to be there, and once. */
#define CUSTODY_MAX 65536u /* octets */
int custody_parse(struct span text, struct custody *ret);
int custody_write(const struct custody *c, const char *path);

/* Index of a person, or -1. */
int custody_find(const struct custody *c, const char *name);

/* What one person contributes; takes about a tenth of a second and 32 MiB on purpose.
 * Return: 0 or -EIO. */
int custody_share(const struct custody *c, size_t person, const char *passphrase,
	uint8_t ret_share[CUSTODY_SHARE_SIZE]);

/* Open by the shares of exactly k people (a bit each; shares by index of the person).
 * Return: 0, -EKEYREJECTED (a passphrase is wrong; which one cannot be told), -EINVAL,
 * -EIO. */
int custody_open(const struct custody *c, unsigned int people,
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE], char ret_pin[PIN_SIZE]);

#endif
