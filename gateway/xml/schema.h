/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Compiled XML Schemas: opened once from local files before xml_setup, used for any
 * number of documents; never follows xsi:schemaLocation.
 */
#ifndef SEALGATE_XML_SCHEMA_H
#define SEALGATE_XML_SCHEMA_H

#include "common/cleanup.h"
#include "common/finding.h"

#include <libxml/tree.h>

struct xml_schema;

/* Compile the schema at path with its relative includes and imports. *ret_error: one
 * line, the caller frees. Return: 0, -EINVAL, -errno. */
int xml_schema_open(const char *path, struct xml_schema **ret_schema, char **ret_error);
void xml_schema_close(struct xml_schema *s);
DEFINE_CLEANUP(struct xml_schema *, xml_schema_close)

/* Validate; every violation is an error finding doc.schema with the XPath of the place,
 * what was received, and what the schema expects there. Return: 1 valid, 0 invalid with
 * findings, negative undecided. */
int xml_schema_validate(
	const struct xml_schema *s, xmlDoc *doc, struct findings *findings);

#endif
