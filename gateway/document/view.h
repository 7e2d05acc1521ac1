/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * All that a document says, for people: dates, parties, countries, lines with codes and
 * quantities, references, signatories; never judges, and leaves out what is missing.
 */
#ifndef SEALGATE_DOCUMENT_VIEW_H
#define SEALGATE_DOCUMENT_VIEW_H

#include <jansson.h>
#include <libxml/tree.h>

/* Bounds of one view: texts are cut, lists end, and "cut" is then true in it. */
#define VIEW_TEXT_MAX 16000
#define VIEW_LIST_MAX 1000
#define VIEW_OCTETS_MAX (1024u * 1024)

/* Read an SPSCertificate or SPSAcknowledgement of any version, without its signatures:
 * a JSON object of the keys of view.c's tables, or NULL when memory ran out. A document
 * of another root is an empty object. */
json_t *view_read(xmlDoc *doc);

#endif
