/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A foreign ZIP read whole into memory, refused where two readers could read two things
 * in it; never writes one, never knows what its files mean.
 */
#ifndef SEALGATE_XADES_PACKED_H
#define SEALGATE_XADES_PACKED_H

#include "common/finding.h"
#include "common/span.h"

#define PACKED_FILES_MAX 4096u
#define PACKED_OCTETS_MAX (64u * 1024 * 1024) /* of all files, unpacked */
#define PACKED_RATIO_MAX 100u		      /* unpacked to packed, of the whole ... */
#define PACKED_RATIO_FROM (1024u * 1024)      /* ... from so many octets on */
#define PACKED_NAME_MAX 1024u

/* What the central directory and the local header say of a file, alike. */
struct packed_header {
	struct span name;
	uint32_t flags, method, stamp, crc, packed, size, offset;
	uint32_t extra; /* octets of extra fields in the local header */
	uint32_t data;	/* where its octets start */
	uint32_t index; /* in the central directory */
};

struct packed_file {
	char *name; /* owned, as data */
	uint8_t *data;
	size_t len;
	const struct packed_header *header;
};

struct packed {
	struct packed_header *headers;
	struct packed_file *files; /* as many, in the order of their octets */
	size_t count;
};

/* True when the octets begin like a ZIP; no XML does. */
bool packed_is(struct span data);

/* packed_headers.c: read the central directory and hold every local header against it:
 * the files fill the container from its first octet to the directory, none twice, none
 * that leads elsewhere. Return: 1 with *ret_headers in the order of offsets, 0 refused
 * with a finding asic.*, -ENOMEM. */
int packed_headers(struct span zip, struct findings *findings,
	struct packed_header **ret_headers, size_t *ret_count);

/* The same, with every file unpacked. Undo with packed_done. Return: as above. */
int packed_read(struct span zip, struct findings *findings, struct packed *ret);
void packed_done(struct packed *p);

/* The file of a name, or NULL. */
const struct packed_file *packed_find(const struct packed *p, const char *name);

#endif
