/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The protocol of a key ceremony: a text to print and to sign by hand, each entry chained
 * to the one before, the whole signed at its end; never rewritten, only added to.
 *
 *   #3 2026-01-01T10:00:00Z
 *     what was done
 *   chain SHA-256 of the chain before (64 zeros at first) and the lines of the entry
 *
 * and after the last entry, which is PROTOCOL_END ROLE: signature ROLE MECHANISM BASE64,
 * over the digest of the line "sealgate ceremony CHAIN".
 */
#ifndef SEALGATE_PKCS11_PROTOCOL_H
#define SEALGATE_PKCS11_PROTOCOL_H

#include "common/digest.h"
#include "pkcs11/client.h"
#include "pkcs11/role.h"

#include <limits.h>
#include <stdbool.h>

#define PROTOCOL_MAX (192u * 1024) /* octets */
#define PROTOCOL_END "end of the ceremony; signed by the key of the role "
#define PROTOCOL_SIGNATURE_ROOM (2u * 1024) /* of these for the signature alone */
#define PROTOCOL_END_ROOM (16u * 1024)	    /* and with it for what ends it */

struct protocol {
	int fd;	    /* opened and locked before uid and working folder change */
	int folder; /* of one that begins, else -1 */
	char name[NAME_MAX + 1]; /* in it */
	size_t size;		 /* octets of whole entries */
	size_t cut; /* behind them, of one that broke off: the next takes its place */
	unsigned int entries;
	char chain[SHA256_TEXT_SIZE]; /* after the last entry */
	bool closed;		      /* it has its signature */
	char role[SIGNER_ROLE_SIZE];  /* that the last entry says it is signed by */
	const struct mechanism *mechanism;
	uint8_t value[SIGNER_VALUE_MAX];
	size_t value_len;
};

enum protocol_mode {
	PROTOCOL_BEGIN, /* a new one, or one that got no entry; gone again without one */
	PROTOCOL_GO_ON, /* one with an entry; its end may be cut short */
	PROTOCOL_READ,	/* as it is: whatever is cut short is no protocol */
};

/* Open, wait for who has it, and verify the chain. Return: 0, -EBADMSG (not a protocol,
 * or altered), -EEXIST (PROTOCOL_BEGIN: there is something already), -ENOENT (none, or
 * PROTOCOL_GO_ON: it has not begun), -errno. */
int protocol_open(const char *path, enum protocol_mode mode, struct protocol *ret);
void protocol_done(struct protocol *p);

/* Add an entry; text may have several lines. Durable on return.
 * Return: 0, -EPERM (closed), -EFBIG (it is too long for more than its end), -errno. */
int protocol_add(struct protocol *p, const char *text);

/* The same of the entry that ends it, which has room where others have none. */
int protocol_add_end(struct protocol *p, const char *text);

/* The digest to sign, by a mechanism. Return: its length, or -EIO. */
int protocol_digest(const struct protocol *p, const struct mechanism *m,
	uint8_t ret_digest[SIGNER_DIGEST_MAX]);

/* Close it with a signature. Return: as protocol_add. */
int protocol_close(struct protocol *p, const struct role *role, struct span value);

#endif
