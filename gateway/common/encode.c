/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/encode.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>

static const char HEX[] = "0123456789abcdef";
static const char ALPHABET[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_encode(const uint8_t *data, size_t len, char *ret_text)
{
	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = HEX[data[i] >> 4];
		ret_text[2 * i + 1] = HEX[data[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, uint8_t *ret_data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		ret_data[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * len] == '\0' ? 0 : -EINVAL;
}

char *base64_encode(struct span data)
{
	char *text = malloc(BASE64_LEN(data.len) + 1);
	char *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t v = (uint32_t)data.data[i] << 16;

		if (left > 1)
			v |= (uint32_t)data.data[i + 1] << 8;
		if (left > 2)
			v |= data.data[i + 2];
		*out++ = ALPHABET[v >> 18];
		*out++ = ALPHABET[v >> 12 & 63];
		*out++ = left > 1 ? ALPHABET[v >> 6 & 63] : '=';
		*out++ = left > 2 ? ALPHABET[v & 63] : '=';
	}
	*out = '\0';
	return text;
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

struct base64_reader {
	uint32_t bits;
	unsigned int have;    /* characters of the group so far */
	unsigned int padding; /* '=' seen */
	uint8_t *out;
	size_t len;
};

static int base64_char(struct base64_reader *r, uint8_t c)
{
	int v;

	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return 0;
	if (c == '=') {
		if (r->have + r->padding < 2 || r->have + ++r->padding > 4)
			return -EINVAL;
		return 0;
	}
	v = base64_value(c);
	if (v < 0 || r->padding)
		return -EINVAL;
	r->bits = r->bits << 6 | (uint32_t)v;
	if (++r->have < 4)
		return 0;
	r->out[r->len++] = (uint8_t)(r->bits >> 16);
	r->out[r->len++] = (uint8_t)(r->bits >> 8);
	r->out[r->len++] = (uint8_t)r->bits;
	r->have = 0;
	r->bits = 0;
	return 0;
}

static int base64_finish(struct base64_reader *r)
{
	if (r->have == 0)
		return r->padding ? -EINVAL : 0;
	if (r->have + r->padding != 4)
		return -EINVAL;
	if (r->have == 2) {
		if (r->bits & 15)
			return -EINVAL;
		r->out[r->len++] = (uint8_t)(r->bits >> 4);
	} else {
		if (r->bits & 3)
			return -EINVAL;
		r->out[r->len++] = (uint8_t)(r->bits >> 10);
		r->out[r->len++] = (uint8_t)(r->bits >> 2);
	}
	return 0;
}

int base64_decode(struct span text, uint8_t **ret_data, size_t *ret_len)
{
	struct base64_reader r = { 0 };
	int error = 0;

	r.out = malloc(text.len / 4 * 3 + 4); /* a rest of three, and the NUL */
	if (!r.out)
		return -ENOMEM;
	for (size_t i = 0; i < text.len && error == 0; i++)
		error = base64_char(&r, text.data[i]);
	if (error == 0)
		error = base64_finish(&r);
	if (error < 0) {
		free(r.out);
		return error;
	}
	r.out[r.len] = '\0';
	*ret_data = r.out;
	*ret_len = r.len;
	return 0;
}

#define URL_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

char *base64url_encode(struct span data)
{
	char *text = base64_encode(data);

	if (text)
		text[strcspn(text, "=")] = '\0';
	for (char *c = text; c && *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return text;
}

/* As base64 with its padding; NULL for what base64url does not have. The caller frees. */
static char *plain_base64(const char *text)
{
	size_t len = strlen(text);
	char *plain;

	if (strspn(text, URL_ALPHABET) != len)
		return NULL;
	plain = malloc(len + 4);
	if (!plain)
		return NULL;
	for (size_t i = 0; i < len; i++)
		plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (len % 4)
		plain[len++] = '=';
	plain[len] = '\0';
	return plain;
}

int base64url_decode(const char *text, uint8_t **ret_data, size_t *ret_len)
{
	_cleanup_(freep) char *plain = plain_base64(text);

	return plain ? base64_decode(span_str(plain), ret_data, ret_len) : -EINVAL;
}
