/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The XML declaration: absent, or version 1.0 and UTF-8; never tells a parser what to do.
 */
#ifndef SEALGATE_XML_DECLARATION_H
#define SEALGATE_XML_DECLARATION_H

#include "common/span.h"

/* Look at the declaration that data begins with, if any (XML 1.0 production 23). An
 * encoding that is not named is UTF-8. *ret_used: its octets, 0 when absent. Return: NULL
 * when all is well, else the code of the reason, with *ret_why for people. */
const char *declaration_check(struct span data, size_t *ret_used, const char **ret_why);

/* The encoding that the declaration at the start of data names, a part of data, whether
 * it is one that is read or not. Return: false when it names none. */
bool declaration_encoding(struct span data, struct span *ret_name);

#endif
