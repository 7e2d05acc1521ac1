/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What document types look like in memory; never used outside types*.c.
 */
#ifndef SEALGATE_DOCUMENT_TYPES_MODEL_H
#define SEALGATE_DOCUMENT_TYPES_MODEL_H

#include "document/types.h"
#include "document/versions.h"

#define TYPES_MAX 64
#define SHARED_MAX 64

/* What types share, by path: opened once. */
struct shared {
	char *path;
	struct xml_schema *schema;
	struct code_checks *codes;
	struct rules *rules;
};

struct document_types {
	struct document_type types[TYPES_MAX];
	size_t count;
	struct shared shared[SHARED_MAX];
	size_t shared_count;
	struct document_versions *versions; /* or NULL */
	struct attachment_kinds *kinds;	    /* NULL: no type asks for them */
};

#endif
