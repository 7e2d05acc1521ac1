/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json_plain.h"

#include <string.h>

#define DEPTH_MAX 16
#define DIGITS_MAX 18

struct reader {
	const uint8_t *at, *end;
	const char *const *names;
	size_t count;
	struct span *values;
};

static bool value(struct reader *r, unsigned depth, struct span *ret_string);

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != (uint8_t)c)
		return false;
	r->at++;
	return true;
}

static bool literal(struct reader *r, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
		return false;
	r->at += n;
	return true;
}

/* What stands between the quotes. */
static bool string(struct reader *r, struct span *ret)
{
	const uint8_t *start;

	if (!take(r, '"'))
		return false;
	start = r->at;
	while (r->at < r->end && *r->at >= ' ' && *r->at <= '~' && *r->at != '"' &&
		*r->at != '\\')
		r->at++;
	*ret = span_of(start, (size_t)(r->at - start));
	return take(r, '"');
}

/* Zero has no sign and nothing behind it. */
static bool integer(struct reader *r)
{
	bool negative = take(r, '-');
	const uint8_t *start = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	if (r->at == start || r->at - start > DIGITS_MAX)
		return false;
	return *start != '0' || (r->at - start == 1 && !negative);
}

/* In the order in which canonical keys stand: octet by octet, each once. */
static bool before(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.data, b.data, n) : 0;

	return c < 0 || (c == 0 && a.len < b.len);
}

static void keep(struct reader *r, struct span key, struct span text)
{
	for (size_t i = 0; i < r->count; i++)
		if (span_equal(key, span_str(r->names[i])))
			r->values[i] = text;
}

static bool object(struct reader *r, unsigned depth)
{
	struct span key, last, text;

	if (take(r, '}'))
		return true;
	for (bool first = true;; first = false, last = key) {
		if (!string(r, &key) || (!first && !before(last, key)) || !take(r, ':') ||
			!value(r, depth + 1, &text))
			return false;
		if (depth == 0 && text.data)
			keep(r, key, text);
		if (take(r, '}'))
			return true;
		if (!take(r, ','))
			return false;
	}
}

static bool array(struct reader *r, unsigned depth)
{
	struct span text;

	if (take(r, ']'))
		return true;
	for (;;) {
		if (!value(r, depth + 1, &text))
			return false;
		if (take(r, ']'))
			return true;
		if (!take(r, ','))
			return false;
	}
}

static bool value(struct reader *r, unsigned depth, struct span *ret_string)
{
	*ret_string = (struct span){ 0 };
	if (depth == DEPTH_MAX || r->at == r->end)
		return false;
	switch (*r->at) {
	case '"':
		return string(r, ret_string);
	case '{':
		r->at++;
		return object(r, depth);
	case '[':
		r->at++;
		return array(r, depth);
	case 't':
		return literal(r, "true");
	case 'f':
		return literal(r, "false");
	case 'n':
		return literal(r, "null");
	default:
		return integer(r);
	}
}

bool json_plain_canonical(struct span text, const char *const names[], size_t count,
	struct span ret_values[])
{
	struct reader r = { .at = text.data,
		.end = text.data + text.len,
		.names = names,
		.count = count,
		.values = ret_values };

	for (size_t i = 0; i < count; i++)
		ret_values[i] = (struct span){ 0 };
	return take(&r, '{') && object(&r, 0) && r.at == r.end;
}
