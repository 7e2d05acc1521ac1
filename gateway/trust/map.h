/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The form of a snapshot file: tables that name each other by index, octets and texts by
 * offset, so that it can be mapped anywhere; private to this library. Nothing of a file
 * is followed before map_check has seen all of it.
 *
 * A file: struct map_header, then the parts in the order of enum map_part, each at a
 * multiple of 8, in the byte order of the machine that wrote it (which the header names).
 */
#ifndef SEALGATE_TRUST_MAP_H
#define SEALGATE_TRUST_MAP_H

#include "common/buf.h"
#include "common/digest.h"
#include "pki/certificate.h"
#include "trust/rules.h"

#define MAP_MAGIC "SGTRUST" /* with its NUL 8 octets */
#define MAP_VERSION 1u
#define MAP_ORDER 0x01020304u
#define MAP_OCTETS_MAX (128u * 1024 * 1024)
#define MAP_TIME_MAX (INT64_MAX / 4) /* sums of times stay within their type */
#define MAP_INDEX_SLOTS_MAX (1u << 20)

enum map_part {
	MAP_LISTS = 0,
	MAP_SERVICES,
	MAP_IDENTITIES, /* uint32_t: certificates of services, one service after another
			 */
	MAP_INSTANCES,
	MAP_URIS, /* uint32_t: texts */
	MAP_RULES,
	MAP_CRITERIA,
	MAP_CONDITIONS,
	MAP_OIDS,
	MAP_CERTIFICATES,
	MAP_KEY_SLOTS, /* uint32_t: where the entries of a slot begin, and the end */
	MAP_KEYS,
	MAP_NAME_SLOTS,
	MAP_NAMES,
	MAP_OCTETS, /* certificates, names and object identifiers in DER */
	MAP_TEXTS,  /* each with its NUL */
	MAP_PARTS
};

struct map_extent {
	uint64_t offset, count; /* count: elements, of octets and texts octets */
};

struct map_header {
	char magic[8];
	uint8_t sha256[SHA256_SIZE]; /* of everything behind it */
	uint32_t version, order;
	uint64_t size; /* of the file */
	int64_t at;    /* of the import */
	struct map_extent parts[MAP_PARTS];
};

#define MAP_BEHIND_DIGEST (sizeof(((struct map_header *)0)->magic) + SHA256_SIZE)

/* Octets of an element of each part. */
extern const size_t MAP_PART_SIZES[MAP_PARTS];

struct map_list {
	char territory[8];
	/* ends: the next update of it or, when that is sooner, of the list of lists. */
	int64_t sequence, issued, ends;
	uint32_t url; /* text */
	uint32_t reserved;
};

struct map_service {
	uint32_t list, name; /* name: text */
	uint32_t first_identity, identity_count;
	uint32_t first_instance, instance_count; /* newest first */
	uint8_t state[16];			 /* changes when an instance does */
};

struct map_instance {
	int64_t from;
	uint32_t type, status; /* texts */
	uint32_t first_uri, uri_count;
	uint32_t first_rule, rule_count;
};

struct map_certificate {
	uint32_t der, der_len, subject, subject_len; /* octets */
	uint8_t key[SHA256_SIZE];		     /* of its subjectPublicKey */
};

/* A service that a certificate identifies; slot: hash modulo how many there are, which is
 * a power of two. */
struct map_entry {
	uint64_t hash;
	uint32_t service, certificate;
};

struct map_index {
	const uint32_t *slots; /* one more than slot_count */
	size_t slot_count;
	const struct map_entry *entries;
};

/* A checked file. */
struct trust_map {
	const struct map_header *header;
	const struct map_list *lists;
	const struct map_service *services;
	const uint32_t *identities;
	const struct map_instance *instances;
	const uint32_t *uris;
	struct rules_view rules;
	const struct map_certificate *certificates;
	struct map_index keys, names;
	const uint8_t *octets;
	const char *texts;
	size_t service_count;
};

/* What the header of a file of a size says against its being ours and whole, its digest
 * apart: one line, static. NULL: nothing. */
const char *map_header_fault(const struct map_header *h, uint64_t size);

/* See that everything in the octets stays within them, and that their digest is right.
 * *ret_why: one line, static. Return: 0 or -EINVAL. */
int map_check(struct span octets, struct trust_map *ret, const char **ret_why);

/* SHA-256 of a certificate's subjectPublicKey, as key identifiers are made. Return: 0 or
 * -EIO. */
int map_key_of(const X509 *x, uint8_t ret[SHA256_SIZE]);

/* What the indexes sort by: of a key's digest, of a name in its canonical form. */
uint64_t map_key_hash(const uint8_t key[SHA256_SIZE]);
uint64_t map_name_hash(const X509_NAME *name);

/* Services that were found, each once. */
#define MAP_FOUND_MAX 128u
struct map_found {
	uint32_t services[MAP_FOUND_MAX];
	size_t count;
	bool too_many;
};

void map_found_add(struct map_found *f, uint32_t service);
void map_found_sort(struct map_found *f); /* in the order of the lists */

/* Add the services that a certificate of the same name and key as x identifies (TS 119
 * 612 5.5.3), and those whose certificate issued x by its names and identifiers; that of
 * the signature is another question. */
void map_find_same(const struct trust_map *m, const X509 *x, struct map_found *f);
void map_find_issuers(const struct trust_map *m, X509 *x, struct map_found *f);

/* Every part of a file on its way. */
struct map_parts {
	struct buf part[MAP_PARTS];
};

/* Put parts together. Return: 0 or negative. */
int map_assemble(const struct map_parts *parts, int64_t at, struct buf *ret);

/* Whether the services of a service's list count at a time, grace seconds beyond its end.
 */
static inline bool map_in_effect(
	const struct trust_map *m, const struct map_service *s, int64_t at, int64_t grace)
{
	return m->lists[s->list].ends + grace >= at;
}

static inline struct span map_der(
	const struct trust_map *m, const struct map_certificate *c)
{
	return span_of(m->octets + c->der, c->der_len);
}

#endif
