/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A view as text or as a page; never puts a character of a document where it could be
 * markup or steer a terminal.
 */
#ifndef SEALGATE_DOCUMENT_RENDER_H
#define SEALGATE_DOCUMENT_RENDER_H

#include "common/buf.h"

#include <jansson.h>

#define RENDER_MAX (8u * 1024 * 1024)

/* Append the view for a terminal, indented lines "Label: value". Return: 0, -E2BIG,
 * -ENOMEM. */
int render_text(const json_t *view, struct buf *out);

/* How many octets of UTF-8 at p would steer a terminal or turn the direction of writing:
 * 0 for what may be shown. */
size_t render_steering(const unsigned char *p);

/* Append a whole page (HTML 5, no script, nothing fetched from elsewhere). */
int render_html(const json_t *view, struct buf *out);

#endif
