/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What only the tree shows and only the strict profile minds: identifiers twice,
 * inclusions, xsi:type, characters by reference that turn text; never changes the tree.
 */
#ifndef SEALGATE_XML_STRICT_H
#define SEALGATE_XML_STRICT_H

#include "common/finding.h"

#include <libxml/tree.h>

/* Look at a whole document. dict is the parser's, where every namespace name that it met
 * can be found; references: the document has numeric character references. Return:
 * refusals, each a finding xml.* with a path; -ENOMEM. */
int xml_strict(xmlDoc *doc, xmlDict *dict, bool references, struct findings *findings);

#endif
