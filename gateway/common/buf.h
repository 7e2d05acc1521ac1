/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A growing buffer with a maximum fixed at its start; never grows past it, never
 * hides an error: after the first failure every append fails the same way.
 */
#ifndef SEALGATE_COMMON_BUF_H
#define SEALGATE_COMMON_BUF_H

#include "common/cleanup.h"
#include "common/span.h"

#include <stdarg.h>

struct buf {
	char *data; /* NUL-terminated whenever not NULL */
	size_t len;
	size_t size;
	size_t max;
	int error; /* 0, -E2BIG or -ENOMEM */
};

/* Start an empty buffer that may hold at most max octets. */
void buf_init(struct buf *b, size_t max);

/* Release what the buffer owns; the struct may be initialised again. */
void buf_done(struct buf *b);

/* Append. Return: 0, -E2BIG past the maximum, -ENOMEM. */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_add_str(struct buf *b, const char *s);
int buf_add_span(struct buf *b, struct span s);
int buf_addf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Append s with the five XML specials as character references (text or attribute). */
int buf_add_xml(struct buf *b, const char *s);

/* Hand the octets over to the caller, who frees them; *ret_len may be NULL. NULL on a
 * buffer with an error. */
char *buf_take(struct buf *b, size_t *ret_len);

static inline struct span buf_span(const struct buf *b)
{
	return span_of(b->data, b->len);
}

#define _cleanup_buf_ _cleanup_(buf_done)

/* A text of these behind each other, up to the NULL. The caller frees; NULL: no memory.
 */
char *text_join(const char *const texts[]);

#endif
