/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The typed view of a document as variables of the namespace urn:sealgate:rules for rules
 * and conditions of types; never reads the document itself.
 */
#ifndef SEALGATE_DOCUMENT_RULE_FACTS_H
#define SEALGATE_DOCUMENT_RULE_FACTS_H

#include "document/facts.h"
#include "document/xpath.h"

/* Put the variables into a context. type, direction: what the gate found the document to
 * be, or "". facts NULL: empty values of the same types, to try expressions on. A time
 * that is absent is no number. Return: 0 or -ENOMEM. */
int rule_facts_use(xmlXPathContext *context, const struct facts *facts, const char *type,
	const char *direction);

/* Whether there is a variable of that local name, of len octets. */
bool rule_facts_known(const char *name, size_t len);

#endif
