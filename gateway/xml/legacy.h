/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Documents in one of the old encodings that have one octet a character and ASCII below
 * 128, for validation of what others have signed; never used where documents are
 * admitted.
 */
#ifndef SEALGATE_XML_LEGACY_H
#define SEALGATE_XML_LEGACY_H

#include "xml/reader.h"

/* As xml_read with XML_READ_EIDAS. A declaration that names ISO-8859-1, -2, -15,
 * windows-1250, -1252 or US-ASCII is believed and a warning xml.encoding says so
 * (canonical forms are UTF-8 whatever a document was written in); any other encoding, and
 * an octet that has no character in it, is refused. No converter of the system is loaded.
 */
int legacy_read(struct span data, struct findings *findings, xmlDoc **ret_doc);

#endif
