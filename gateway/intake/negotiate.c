/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/http.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static struct span trim(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return span_of(p, (size_t)(end - p));
}

static bool same(struct span a, const char *b)
{
	return a.len == strlen(b) && strncasecmp((const char *)a.data, b, a.len) == 0;
}

/* Take what stands before the next separator off the front of *text. */
static struct span next_part(const char **text, const char *end, char separator)
{
	const char *p = *text, *at = memchr(p, separator, (size_t)(end - p));

	*text = at ? at + 1 : end;
	return trim(p, at ? at : end);
}

/* A weight of RFC 9110 12.4.2 in thousandths; 0 for one that is malformed. */
static int weight(struct span text)
{
	int value = 0, scale = 1000;

	if (text.len == 0 || text.len > 5 || (text.data[0] != '0' && text.data[0] != '1'))
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (i == 1 ? text.data[i] != '.' : !isdigit(text.data[i]))
			return 0;
		if (i == 1)
			continue;
		value += (text.data[i] - '0') * scale;
		scale /= 10;
	}
	return value > 1000 ? 1000 : value;
}

static int weight_of(const char *parameters, const char *end)
{
	while (parameters < end) {
		struct span p = next_part(&parameters, end, ';');

		if (p.len > 2 && strncasecmp((const char *)p.data, "q=", 2) == 0)
			return weight(span_of(p.data + 2, p.len - 2));
	}
	return 1000;
}

/* How exactly a media range names a type: 3 the type, 2 its group, 1 any, 0 not at all.
 */
static int exactness(struct span range, const char *type)
{
	size_t slash = strcspn(type, "/") + 1;

	if (same(range, type))
		return 3;
	if (range.len == slash + 1 && range.data[slash] == '*' &&
		strncasecmp((const char *)range.data, type, slash) == 0)
		return 2;
	return same(range, "*/*") ? 1 : 0;
}

/* The weight that the most exact range of the header gives to the type. */
static int quality(const char *accept, const char *type)
{
	const char *end = accept + strlen(accept);
	int best = 0, q = 0;

	while (accept < end) {
		struct span element = next_part(&accept, end, ',');
		const char *p = (const char *)element.data, *stop = p + element.len;
		struct span range = next_part(&p, stop, ';');
		int e = exactness(range, type);

		if (e > best) {
			best = e;
			q = weight_of(p, stop);
		}
	}
	return q;
}

bool http_prefers_xml(const char *accept)
{
	int a = quality(accept, "application/xml"), t = quality(accept, "text/xml");

	return (a > t ? a : t) > quality(accept, "application/json");
}

bool http_is_xml(const char *content_type)
{
	const char *p = content_type, *end = p + strlen(p);
	struct span type = next_part(&p, end, ';');

	if (!same(type, "application/xml") && !same(type, "text/xml"))
		return false;
	while (p < end) {
		struct span parameter = next_part(&p, end, ';');

		if (parameter.len && !same(parameter, "charset=utf-8") &&
			!same(parameter, "charset=\"utf-8\""))
			return false;
	}
	return true;
}

int http_date(const char *text, int64_t *ret_t)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!rest || *rest)
		return -EINVAL;
	*ret_t = timegm(&tm);
	return 0;
}
