/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Line and column of the places that findings name by XPath, in the octets that were
 * read; never decides anything, and reads well-formed octets only to be right.
 */
#ifndef SEALGATE_XML_LOCATE_H
#define SEALGATE_XML_LOCATE_H

#include "common/finding.h"
#include "common/span.h"

/* Set line and column (in characters, from 1) of every finding whose `where` is a path as
 * xml_path_of writes it: of the element's start tag, also for an attribute. Steps are
 * compared as they were written, prefix included. Findings whose path is not in these
 * octets stay as they are. One pass over the octets, whatever the number of findings. */
void xml_locate(struct span octets, struct findings *findings);

#endif
