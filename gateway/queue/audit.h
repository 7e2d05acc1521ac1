/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The audit chain and its export, for whoever writes or verifies one; never a database.
 *
 * A record is canonical JSON (sorted keys, no white space) with "at", "actor", "event"
 * and, where they apply, "document" and "detail". chain(n) = SHA-256(chain(n-1) ||
 * SHA-256(record n)), chain(0) being 32 zero octets.
 */
#ifndef SEALGATE_QUEUE_AUDIT_H
#define SEALGATE_QUEUE_AUDIT_H

#include "common/digest.h"
#include "common/span.h"

#include <stdint.h>

/* A line of an export: position, chain, then the record octet for octet. */
#define AUDIT_LINE_START "{\"position\":%lld,\"chain\":\"%s\",\"record\":"
#define AUDIT_LINE_END "}"

/* The chain value after record. Return: 0 or -EIO. */
int audit_chain(const uint8_t before[SHA256_SIZE], struct span record,
	uint8_t ret_chain[SHA256_SIZE]);

/* True when record is canonical JSON of a record about the document (NULL: any or none).
 */
bool audit_record_ok(struct span record, const char *document_id);
/* The same by a JSON library, for what is not plain; and for tests, which compare. */
bool audit_record_ok_slowly(struct span record, const char *document_id);

struct audit_line {
	int64_t position;
	uint8_t chain[SHA256_SIZE];
	struct span record; /* inside the line */
};

/* Read one line of an export, without its line feed. Return: 0 or -EINVAL. */
int audit_line_read(struct span line, struct audit_line *ret_line);

enum audit_fault {
	AUDIT_INTACT = 0,
	AUDIT_MALFORMED, /* not a line of an export */
	AUDIT_REMOVED,	 /* positions are missing before this one */
	AUDIT_REORDERED, /* the position came before or does not rise */
	AUDIT_CHANGED, /* the record or what stood before it is not what the chain says */
	AUDIT_TRUNCATED, /* the head is further than the last record */
	AUDIT_REWRITTEN, /* the head's chain is not this chain */
};

/* A running verification; zeroed it stands before position 1. */
struct audit_check {
	int64_t position; /* last good one */
	uint8_t chain[SHA256_SIZE];
	int64_t head_position; /* 0: none known */
	uint8_t head_chain[SHA256_SIZE];
};

/* Check the next line. Return: enum audit_fault (the check stays where it was), or -EIO.
 */
int audit_check_line(struct audit_check *c, struct span line);

/* Compare with the head after the last line. Return: enum audit_fault. */
int audit_check_end(const struct audit_check *c);

const char *audit_fault_text(enum audit_fault fault);

/* The head of a chain without a record yet: a head that is missing is none of these. */
#define AUDIT_HEAD_NONE "0\n"

/* Read "POSITION:HASH", with or without a line feed. Return: 0 or -EINVAL. */
int audit_head_read(
	struct span text, int64_t *ret_position, uint8_t ret_chain[SHA256_SIZE]);

#endif
