/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The look at the octets before a parser sees them: one pass that knows tags, comments,
 * CDATA and instructions apart; never builds anything, never decides that XML is well
 * formed.
 */
#ifndef SEALGATE_XML_SCAN_H
#define SEALGATE_XML_SCAN_H

#include "xml/reader.h"

#define SCAN_TAG_MAX (16u * 1024) /* octets of a start tag */
#define SCAN_ATTRIBUTES_MAX 64u	  /* attributes and namespace declarations of a tag */
#define SCAN_NAMESPACES_MAX 64u	  /* namespace declarations in scope */
/* Sum over all elements of what looking up every namespace in scope takes: canonical
 * forms do that. About a second. */
#define SCAN_LOOKUPS_MAX 300000000u
#define SCAN_DEPTH_MAX 256u    /* elements inside each other */
#define SCAN_NODES_MAX 500000u /* elements, attributes, runs of text, comments, PIs */
#define SCAN_COMMENTS_MAX 2000u
#define SCAN_COMMENT_MAX (16u * 1024) /* octets of a comment */
#define SCAN_REFUSALS_MAX 20u	      /* findings of the profile before the scan ends */

/* Refuse by findings xml.* what must not reach the parser. *ret_references: the document
 * has numeric character references, which this look does not decode. Return: true when
 * the octets may be parsed. */
bool xml_scan(struct span data, enum xml_profile profile, struct findings *findings,
	bool *ret_references);

#endif
