/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Small questions to a tree: children by name, text, attributes, paths; never changes it.
 */
#ifndef SEALGATE_XML_NODE_H
#define SEALGATE_XML_NODE_H

#include "common/buf.h"

#include <libxml/tree.h>
#include <stdbool.h>

/* True for an element of this namespace and local name. */
bool xml_is(const xmlNode *node, const char *ns, const char *name);

/* First child element (or next sibling element) of that name; name NULL: any element. */
xmlNode *xml_child(const xmlNode *parent, const char *ns, const char *name);
xmlNode *xml_next(const xmlNode *node, const char *ns, const char *name);

/* How many child elements of that name there are. */
size_t xml_count(const xmlNode *parent, const char *ns, const char *name);

/* The text of an element that has only text, CDATA and (ignored) comments below it, white
 * space at both ends cut; the caller frees. NULL when absent, or when it has elements. */
char *xml_text(const xmlNode *element);

/* Value of an attribute without namespace; the caller frees; NULL when absent. */
char *xml_attribute(const xmlNode *element, const char *name);

/* A readable absolute path with positions, /rsm:SPSCertificate/rsm:SPSConsignment[1]/…,
 * at most 500 octets, for findings. The caller frees. */
char *xml_path_of(const xmlNode *node);

#endif
