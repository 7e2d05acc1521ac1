/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The chained count of signatures: a line each, durable before the signature leaves;
 * never rewritten, and never written on after a failed fsync.
 */
#ifndef SEALGATE_PKCS11_COUNT_LOG_H
#define SEALGATE_PKCS11_COUNT_LOG_H

#include "common/cleanup.h"
#include "common/digest.h"
#include "pkcs11/client.h"

#include <stdbool.h>
#include <stdint.h>

#define COUNT_LOG_FILE "state/signer/count.log"
#define COUNT_LOG_ROLES_MAX 64 /* that ever signed, roles of the past included */

/* A line is
 *   POSITION ROLE DIGEST DOCUMENT COUNT TIME CHAIN
 * with COUNT the signatures of the role so far, TIME in RFC 3339 and CHAIN the SHA-256 of
 * the previous line's CHAIN (32 octets, zero for the first) and the text before CHAIN's
 * space. */
struct count_entry {
	const char *role;
	const uint8_t *digest;
	size_t digest_len;
	const char *document; /* an id, "csr" or "callback" */
	uint64_t total;	      /* that the role's count may reach; 0: no limit */
	uint64_t reserved;    /* of total, what the role leaves to the one beside */
	const char *beside; /* a role whose count adds to it: of the same key; or NULL */
};

struct count_role {
	char name[SIGNER_ROLE_SIZE];
	uint64_t count;
};

/* Where a log ends. */
struct count_state {
	uint64_t position; /* of the last line; 0: empty */
	uint8_t chain[SHA256_SIZE];
	int64_t time;
	struct count_role roles[COUNT_LOG_ROLES_MAX];
	size_t role_count;
};

struct count_log;

/* Open or create, lock against another signer, verify every line, cut a torn end off.
 * *ret_cut: octets cut off. *ret_error: one line for people, the caller frees.
 * Return: 0, -EBUSY (another signer), -EBADMSG (a line is wrong), -errno. */
int count_log_open(
	const char *path, struct count_log **ret_log, size_t *ret_cut, char **ret_error);
void count_log_close(struct count_log *log);
DEFINE_CLEANUP(struct count_log *, count_log_close)

/* Append a line and wait until it is durable; threads that come together share one fsync.
 * *ret_count: signatures of the role, this one included. Return: 0, -EDQUOT (the role's
 * total is reached), -ETIME (the clock is behind the log), -EIO (an fsync failed, or
 * somebody else removed or changed the file: only opening the log anew helps), -errno
 * (not written, as before). */
int count_log_append(
	struct count_log *log, const struct count_entry *entry, uint64_t *ret_count);

/* True once append answered -EIO: nothing is appended any more. */
bool count_log_broken(struct count_log *log);

/* Signatures of a role that are durable. */
uint64_t count_log_count(struct count_log *log, const char *role);

/* The durable end. */
void count_log_state(struct count_log *log, struct count_state *ret_state);

/* Count of a role in a state. */
uint64_t count_state_of(const struct count_state *state, const char *role);

/* Verify a log without opening it for writing. A torn end is an error here. When contains
 * is not NULL, a line must have this position and chain (what somebody noted earlier).
 * Return: 0, -EBADMSG (*ret_error says which line), -ENODATA (contains is absent),
 * -errno.
 */
struct count_mark {
	uint64_t position;
	uint8_t chain[SHA256_SIZE];
};
int count_log_verify(const char *path, const struct count_mark *contains,
	struct count_state *ret_state, char **ret_error);

#endif
