/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Headers of the canonical form, octet by octet, for its writer and its reader; private
 * to evidence/asic_*.c, never a general ZIP library.
 */
#ifndef SEALGATE_EVIDENCE_ASIC_FORM_H
#define SEALGATE_EVIDENCE_ASIC_FORM_H

#include "evidence/asic.h"

#define ASIC_FILES 9
#define ASIC_NAME_MAX 32
#define ASIC_LOCAL_SIZE 30   /* of a local header without its name */
#define ASIC_CENTRAL_SIZE 46 /* of a central header without its name */
#define ASIC_END_SIZE 22
#define ASIC_LOCAL_MAX (ASIC_LOCAL_SIZE + ASIC_NAME_MAX)
#define ASIC_CENTRAL_MAX (ASIC_CENTRAL_SIZE + ASIC_NAME_MAX)

/* A file of the container: a part, or (part ASIC_PARTS) a constant; which one depends on
 * the optional parts that are there. */
#define ASIC_CHOICES 8 /* of three optional parts */
struct asic_file {
	const char *name;
	enum asic_part part;
	const char *const *contents; /* ASIC_CHOICES of them; NULL: a part */
	const char *media_type;
	size_t limit;
};

/* The constant of a file, NULL for a part; is the file there? */
const char *asic_constant(const struct asic *a, size_t file);
bool asic_is_there(const struct asic *a, size_t file);

extern const struct asic_file ASIC_FORM[ASIC_FILES];

/* What the central directory repeats of a file. */
struct asic_record {
	uint32_t crc;
	uint32_t size;
	uint32_t offset; /* of the local header */
};

struct asic_record asic_record_of(struct span content, size_t offset);

/* Write the headers of ASIC_FORM[file]. Return: octets written. */
size_t asic_local_header(
	size_t file, const struct asic_record *r, uint8_t ret[ASIC_LOCAL_MAX]);
size_t asic_central_header(
	size_t file, const struct asic_record *r, uint8_t ret[ASIC_CENTRAL_MAX]);

/* The end of the central directory of so many files that starts at offset and has size
 * octets. */
size_t asic_end_record(
	size_t files, size_t offset, size_t size, uint8_t ret[ASIC_END_SIZE]);

#endif
