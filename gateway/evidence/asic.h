/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The one canonical form of an evidence container (ASiC-E, ETSI EN 319 162-1, clause 4.4
 * and annex A): equal parts give equal octets; never looks into a part, never reads any
 * other ZIP.
 */
#ifndef SEALGATE_EVIDENCE_ASIC_H
#define SEALGATE_EVIDENCE_ASIC_H

#include "common/buf.h"
#include "common/finding.h"
#include "common/span.h"

#define ASIC_MEDIA_TYPE "application/vnd.etsi.asic-e+zip"

/* Parts in the order of the container. "mimetype" before them and META-INF/manifest.xml
 * before the signatures are constants of the form. */
enum asic_part {
	ASIC_DOCUMENT = 0, /* the octets as the partner sent them */
	ASIC_REPORT,	   /* the validation report */
	ASIC_RECEIPT,
	ASIC_RECORD,	 /* the evidence record of the document */
	ASIC_PARALLEL,	 /* the document with a seal beside its signatures */
	ASIC_COUNTER,	 /* the document with a seal over one of its signatures */
	ASIC_SIGNATURES, /* the seal */
	ASIC_PARTS,
};

struct asic {
	struct span parts[ASIC_PARTS];
};

/* May the part be absent? Then it is empty. */
static inline bool asic_optional(enum asic_part part)
{
	return part >= ASIC_RECORD && part < ASIC_SIGNATURES;
}

/* Is the part in the container? */
static inline bool asic_has(const struct asic *a, enum asic_part part)
{
	return !asic_optional(part) || a->parts[part].len;
}

/* Name in the container, media type and limit in octets of a part. */
const char *asic_name(enum asic_part part);
const char *asic_media_type(enum asic_part part);
size_t asic_limit(enum asic_part part);

/* Append the container of the parts. Return: 0, -E2BIG (a part or the whole is over its
 * limit), -ENOMEM. */
int asic_write(const struct asic *a, struct buf *ret);

/* Read a container and compare every octet with the form. The parts point into container.
 * The first difference is a finding evidence.form (where: "offset N"); too large:
 * evidence.size. Return: 1 exactly the form, 0 with a finding (*ret_asic untouched). */
int asic_read(struct span container, struct findings *findings, struct asic *ret_asic);

#endif
