/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The text of rules as one tree: files read, includes put in, abstract patterns written
 * out; never compiles. Private to rules_load.c and rules_source.c.
 */
#ifndef SEALGATE_DOCUMENT_RULES_SOURCE_H
#define SEALGATE_DOCUMENT_RULES_SOURCE_H

#include "xml/reader.h"

#define SCH "http://purl.oclc.org/dsdl/schematron"
#define RULE_FILES_MAX 32

struct rules_source {
	xmlDoc *doc;
	/* Every file that was read; nodes of an included one have its path in _private
	 * of their topmost element. */
	char *paths[RULE_FILES_MAX];
	size_t path_count;
};

/* Read a file and what it includes. An include names a file relative to its own, without
 * "..". *ret_error: "FILE:LINE: what", the caller frees. Return: 0, -EINVAL, -errno. */
int rules_source_read(
	const char *path, struct rules_source *ret_source, char **ret_error);
void rules_source_done(struct rules_source *s);

/* Write "FILE:LINE: what" once. Return: -EINVAL. */
int rules_source_fail(const struct rules_source *s, const xmlNode *node, const char *what,
	char **ret_error);

/* Every attribute must be one of the list, which is separated by spaces. */
bool rules_attributes_only(const xmlNode *node, const char *list);

#endif
