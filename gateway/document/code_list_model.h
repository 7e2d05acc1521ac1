/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a code list is in memory, for the two that make one: of a table (code_list.c), and
 * of its compiled index (code_index.c); never for those who look codes up.
 */
#ifndef SEALGATE_DOCUMENT_CODE_LIST_MODEL_H
#define SEALGATE_DOCUMENT_CODE_LIST_MODEL_H

#include "document/code_list.h"

#define CODE_NO_DAY INT32_MIN

/* A code and the days on which it begins and ends, since 1970. */
struct code_entry {
	uint32_t code; /* where it stands in the text */
	int32_t from, until;
};

/* What is asked for of a row, and no more: of a hundred thousand places the codes and the
 * days take a third of what the file does. */
struct code_list {
	const char *text; /* the codes, each ended by NUL */
	size_t text_len;
	const struct code_entry *entries; /* sorted by code */
	size_t count;
	void *owned_text, *owned_entries; /* of a table: both on the heap */
	void *map;			  /* of an index: the file, as it is */
	size_t map_len;
};

/* Read a table, whether there is an index of it or not; otherwise as code_list_load. */
int code_list_read(const char *path, const char *where, struct code_list **ret_list,
	char **ret_error);

#endif
