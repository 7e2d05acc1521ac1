/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What no public sample could be had to test with: types of documents and versions of the
 * schema that their files call experimental; never decides who may send them.
 */
#ifndef SEALGATE_DOCUMENT_EXPERIMENTAL_H
#define SEALGATE_DOCUMENT_EXPERIMENTAL_H

#include "document/types.h"

/* What of a document is experimental. */
struct experimental {
	bool type, version;
};

/* type NULL: it is of no known one. */
struct experimental document_experimental(const struct document_types *t,
	const struct document_type *type, const struct facts *facts);

/* Findings doc.experimental and doc.version-experimental of what is. sender: whom policy
 * does not allow it, which is an error; NULL: a warning of what production does. */
void document_experimental_say(struct experimental what, const struct document_type *type,
	const struct facts *facts, xmlDoc *doc, const char *sender,
	struct findings *findings);

#endif
