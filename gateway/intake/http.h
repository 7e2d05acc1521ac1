/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The resources that partners see, as one table; never more than the table says.
 */
#ifndef SEALGATE_INTAKE_HTTP_H
#define SEALGATE_INTAKE_HTTP_H

#include "intake/exchange.h"

/* Answer the request of an identified partner. */
void http_dispatch(struct exchange *x);

/* Is XML preferred to JSON by an Accept header (RFC 9110 12.5.1)? An empty one prefers
 * nothing, which means JSON. */
bool http_prefers_xml(const char *accept);

/* True for application/xml or text/xml, alone or with charset=utf-8. */
bool http_is_xml(const char *content_type);

/* Read an IMF-fixdate (RFC 9110 5.6.7). Return: 0 or -EINVAL. */
int http_date(const char *text, int64_t *ret_t);

#endif
