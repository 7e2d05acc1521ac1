/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The hostile-XML reader: octets in, a namespace-well-formed XML 1.0 tree or findings
 * out; never fetches, never expands an entity, never knows what a document means.
 */
#ifndef SEALGATE_XML_READER_H
#define SEALGATE_XML_READER_H

#include "common/cleanup.h"
#include "common/finding.h"
#include "common/span.h"

#include <libxml/tree.h>

/* XML_READ_GATE also refuses processing instructions everywhere and comments or
 * processing instructions beside text inside a value; XML_READ_EIDAS refuses only PIs
 * inside values. */
enum xml_profile { XML_READ_GATE = 0, XML_READ_EIDAS };

DEFINE_CLEANUP(xmlDoc *, xmlFreeDoc)
#define _cleanup_xml_doc_ _cleanup_(xmlFreeDocp)

/* Make the process safe before any other call and before threads: parser, refusing entity
 * loader, no catalogues, no input callbacks. Idempotent. Schemas must be opened before.
 */
void xml_setup(void);

/* Scan the octets (size, NUL, UTF-8, declaration, tag and attribute limits, depth,
 * comments, DOCTYPE), then parse. Every refusal is an error finding xml.* with
 * line:column in `where`. Return: 1 read, 0 refused with findings, negative undecided. */
int xml_read(struct span data, enum xml_profile profile, struct findings *findings,
	xmlDoc **ret_doc);

#endif
