/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

static int buf_reserve(struct buf *b, size_t more)
{
	size_t need, size;
	char *data;

	if (b->error)
		return b->error;
	if (more > b->max - b->len)
		return b->error = -E2BIG;
	need = b->len + more + 1;
	if (need <= b->size)
		return 0;
	size = b->size ? b->size : 256;
	while (size < need)
		size *= 2;
	data = realloc(b->data, size);
	if (!data)
		return b->error = -ENOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_add_span(struct buf *b, struct span s)
{
	return buf_add(b, s.data, s.len);
}

int buf_addf(struct buf *b, const char *format, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return b->error = -EINVAL;
	r = buf_reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, format);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, format, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

static const char *xml_reference(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

int buf_add_xml(struct buf *b, const char *s)
{
	for (; *s; s++) {
		const char *reference = xml_reference(*s);

		if (reference)
			buf_add_str(b, reference);
		else
			buf_add(b, s, 1);
	}
	return b->error;
}

char *buf_take(struct buf *b, size_t *ret_len)
{
	char *data;

	if (buf_reserve(b, 0) < 0)
		return NULL;
	b->data[b->len] = '\0';
	data = b->data;
	if (ret_len)
		*ret_len = b->len;
	b->data = NULL;
	b->len = b->size = 0;
	return data;
}

char *text_join(const char *const texts[])
{
	size_t len = 0, at = 0;
	char *all;

	for (size_t i = 0; texts[i]; i++)
		len += strlen(texts[i]);
	all = malloc(len + 1);
	if (!all)
		return NULL;
	for (size_t i = 0; texts[i]; i++) {
		size_t n = strlen(texts[i]);

		memcpy(all + at, texts[i], n);
		at += n;
	}
	all[at] = '\0';
	return all;
}
