/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"

#include "common/encode.h"

#include "common/clock.h"

#include <errno.h>
#include <inttypes.h>

/* Length of the valid UTF-8 character at s, or 0. */
static size_t utf8_char(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c;
	size_t n;

	if (u[0] < 0x80)
		return 1;
	n = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : u[0] >= 0xC2 ? 2 : 0;
	if (n == 0 || u[0] > 0xF4)
		return 0;
	c = u[0] & (0xFFu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3F);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10FFFF)) ||
		(c >= 0xD800 && c <= 0xDFFF))
		return 0;
	return n;
}

json_t *json_base64(struct span octets)
{
	_cleanup_(freep) char *text = base64_encode(octets);

	return text ? json_string(text) : NULL;
}

json_t *json_text(const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	buf_init(&b, strlen(text) * 3);
	while (*text) {
		size_t n = utf8_char(text);

		if (n)
			buf_add(&b, text, n);
		else
			buf_add_str(&b, "\xEF\xBF\xBD");
		text += n ? n : 1;
	}
	return b.error || !b.data ? NULL : json_stringn(b.data, b.len);
}

json_t *json_read(struct span data, size_t max)
{
	if (data.len > max)
		return NULL;
	return json_loadb(
		(const char *)data.data, data.len, JSON_REJECT_DUPLICATES, NULL);
}

const char *json_string_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

char *json_canonical(const json_t *value)
{
	return json_dumps(value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
}

json_t *json_child(json_t *object, const char *key)
{
	json_t *child = json_object_get(object, key);

	if (!child && json_object_set_new(object, key, json_object()) == 0)
		child = json_object_get(object, key);
	return child;
}

json_t *json_time(int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	if (t == 0)
		return json_null();
	clock_format(t, text);
	return json_string(text);
}

/* The comma and the key in front of a member. */
static void add_key(struct buf *b, const char *key)
{
	char last = b->len ? b->data[b->len - 1] : '{';

	if (last != '{' && last != '[')
		buf_add_str(b, ",");
	if (!key)
		return;
	buf_add_str(b, "\"");
	buf_add_str(b, key);
	buf_add_str(b, "\":");
}

void json_add_open(struct buf *b, const char *key, char bracket)
{
	add_key(b, key);
	buf_add(b, &bracket, 1);
}

void json_add_close(struct buf *b, char bracket)
{
	buf_add(b, &bracket, 1);
}

/* Nothing in it that needs an escape or could be no UTF-8. */
static bool plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	return true;
}

void json_add_text(struct buf *b, const char *key, const char *text)
{
	_cleanup_json_ json_t *value = NULL;
	_cleanup_(freep) char *escaped = NULL;

	add_key(b, key);
	if (text && plain(text)) {
		buf_add_str(b, "\"");
		buf_add_str(b, text);
		buf_add_str(b, "\"");
		return;
	}
	value = json_text(text);
	escaped = value ? json_canonical(value) : NULL;
	if (escaped)
		buf_add_str(b, escaped);
	else
		b->error = -ENOMEM;
}

void json_add_integer(struct buf *b, const char *key, int64_t value)
{
	add_key(b, key);
	buf_addf(b, "%" PRId64, value);
}

void json_add_bool(struct buf *b, const char *key, bool value)
{
	add_key(b, key);
	buf_add_str(b, value ? "true" : "false");
}
