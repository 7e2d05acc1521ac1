/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From the Official Journal to the national lists (ETSI TS 119 615, 4.1 to 4.3): each
 * list's signature against the certificates that the one before names; never fetches, and
 * one broken list never takes others down.
 */
#ifndef SEALGATE_TRUST_IMPORT_H
#define SEALGATE_TRUST_IMPORT_H

#include "common/buf.h"
#include "common/digest.h"
#include "trust/list.h"

#define LIST_OCTETS_MAX (32u * 1024 * 1024)

/* Zero: nobody has looked at it, and it has no effect. */
enum list_status { LIST_MISSING = 0, LIST_FAILED, LIST_PASSED };

/* ROLE_THIRD_COUNTRY: named by mutual recognition; it is shown, never asked for and never
 * believed. */
enum list_role { ROLE_LIST = 0, ROLE_LIST_OF_LISTS, ROLE_PIVOT, ROLE_THIRD_COUNTRY };

/* What became of one list. */
struct list_result {
	enum list_role role;
	char *url;
	char territory[8];	   /* of the pointer, then of the list */
	enum list_status status;   /* of the signature and its signer */
	bool effect;		   /* its services count */
	bool ended;		   /* it has expired, and nothing else is wrong with it */
	char reason[200];	   /* why not; "" */
	X509 *signer;		   /* NULL: not identified */
	struct trusted_list *list; /* NULL: missing or not to be read */
	bool from_good;		   /* it is the last good one's */
	char sha256[SHA256_TEXT_SIZE]; /* of its octets */
};

struct list_results {
	struct list_result *list;
	size_t count;
	bool usable; /* the list of lists has effect */
};

/* Octets of the list at a URL; the caller frees them. Return: 0, -ENOENT missing, other
 * negative: not to be had. */
typedef int (*list_source)(
	void *context, const char *url, uint8_t **ret_octets, size_t *ret_len);

struct list_proofs;

struct import_request {
	const char *lotl_url;		/* where the source has the list of lists */
	const STACK_OF(X509) * journal; /* signers by the Official Journal */
	int64_t at;
	list_source source;
	/* Where a list is taken from when what the source has is not signed as it must
	 * be, cannot be read, or is older than one that was believed; NULL: nowhere. */
	list_source last_good;
	/* Told of octets of the source that passed; NULL: nobody is. */
	void (*keep)(void *context, const char *url, struct span octets);
	void *context; /* of these three */
	/* The highest sequence numbers that were believed: { key: number }, where the key
	 * is a list's URL and "lotl" for the list of lists; NULL: none are known. */
	const json_t *sequences;
	struct list_proofs *proofs; /* trust/proven.h; NULL: everything is proven anew */
};

/* Import: pivots from the oldest on, the list of lists, every list that it points to in
 * its form for machines; a result each. Return: 0 with results (list_results_done), also
 * when nothing could be believed; -ENOMEM or other negative: undecided. */
int trust_import(const struct import_request *q, struct list_results *ret_results);
void list_results_done(struct list_results *r);

/* Read the services of lists that have effect and are known in outline only, before they
 * are written. Return: 0, -EAGAIN when a list is not what it was, other negative. */
int list_results_complete(const struct import_request *q, struct list_results *r);

/* Raise the sequence numbers by the lists that passed, for the next import. Return: 0 or
 * -ENOMEM. */
int list_sequences_note(const struct list_results *r, json_t *sequences);

/* The results as lines of JSON, as `sealgate trust import` prints them. Return: 0 or
 * negative. */
int list_results_write(const struct list_results *r, struct buf *ret_lines);

/* "PASSED", "FAILED" or "MISSING". */
const char *list_status_text(enum list_status s);

#endif
