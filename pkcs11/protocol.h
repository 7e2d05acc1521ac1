/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The protocol of a key ceremony: a text to print and to sign by hand, each entry chained
 * to the one before, the whole signed at its end; never rewritten, only added to.
 *
 *   #3 2026-01-01T10:00:00Z
 *     what was done
 *   chain SHA-256 of the chain before (64 zeros at first) and the lines of the entry
 *
 * and after the last entry: signature ROLE MECHANISM BASE64, over the digest of the line
 * "sealgate ceremony CHAIN".
 */
#ifndef SEALGATE_PKCS11_PROTOCOL_H
#define SEALGATE_PKCS11_PROTOCOL_H

#include "common/digest.h"
#include "pkcs11/client.h"
#include "pkcs11/role.h"

#include <stdbool.h>

#define PROTOCOL_MAX (192u * 1024) /* octets */

struct protocol {
	int fd;		  /* opened and locked before uid and working folder change */
	size_t size, cut; /* octets; of an entry that never became whole, cut off */
	unsigned int entries;
	char chain[SHA256_TEXT_SIZE]; /* after the last entry */
	bool closed;		      /* it has its signature */
	char role[SIGNER_ROLE_SIZE];  /* of the signature */
	const struct mechanism *mechanism;
	uint8_t value[SIGNER_VALUE_MAX];
	size_t value_len;
};

enum protocol_mode {
	PROTOCOL_BEGIN, /* a new one, or one that got no entry */
	PROTOCOL_GO_ON, /* an entry at its end that was cut short is removed */
	PROTOCOL_READ,	/* as it is: whatever is cut short is no protocol */
};

/* Open, wait for who has it, and verify the chain. Return: 0, -EBADMSG (not a protocol,
 * or altered), -EEXIST (PROTOCOL_BEGIN: there is something already), -errno. */
int protocol_open(const char *path, enum protocol_mode mode, struct protocol *ret);
void protocol_done(struct protocol *p);

/* Add an entry; text may have several lines. Durable on return.
 * Return: 0, -EPERM (closed), -EFBIG (it is too long for more), -errno. */
int protocol_add(struct protocol *p, const char *text);

/* The digest to sign, by a mechanism. Return: its length, or -EIO. */
int protocol_digest(const struct protocol *p, const struct mechanism *m,
	uint8_t ret_digest[SIGNER_DIGEST_MAX]);

/* Close it with a signature. Return: as protocol_add. */
int protocol_close(struct protocol *p, const struct role *role, struct span value);

#endif
