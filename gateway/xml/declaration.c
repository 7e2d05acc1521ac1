/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/declaration.h"

#include <strings.h>

struct cursor {
	const char *p, *end;
};

static bool space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool skip_space(struct cursor *c)
{
	const char *from = c->p;

	while (c->p < c->end && space(*c->p))
		c->p++;
	return c->p > from;
}

static bool skip(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return false;
	c->p += n;
	return true;
}

/* S? NAME Eq quoted value. Return: 1 found, 0 another name (nothing is consumed), -1
 * malformed. */
static int pseudo_attribute(struct cursor *c, const char *name, struct span *ret_value)
{
	struct cursor try = *c;
	const char *end;

	if (!skip_space(&try) || !skip(&try, name))
		return 0;
	skip_space(&try);
	if (!skip(&try, "="))
		return -1;
	skip_space(&try);
	if (try.p == try.end || (*try.p != '"' && *try.p != '\''))
		return -1;
	end = memchr(try.p + 1, *try.p, (size_t)(try.end - try.p - 1));
	if (!end)
		return -1;
	*ret_value = span_of(try.p + 1, (size_t)(end - try.p - 1));
	c->p = end + 1;
	return 1;
}

static bool is(struct span value, const char *text)
{
	return value.len == strlen(text) &&
	       strncasecmp((const char *)value.data, text, value.len) == 0;
}

static const char *check(struct cursor *c, const char **ret_why)
{
	struct span value;
	int r = pseudo_attribute(c, "version", &value);

	*ret_why = "The XML declaration is malformed.";
	if (r <= 0)
		return "xml.not-wellformed";
	if (!is(value, "1.0")) {
		*ret_why = "The XML declaration names another version than 1.0.";
		return "xml.version";
	}
	r = pseudo_attribute(c, "encoding", &value);
	if (r < 0)
		return "xml.not-wellformed";
	if (r > 0 && !is(value, "UTF-8")) {
		*ret_why = "The XML declaration names another encoding than UTF-8.";
		return "xml.encoding";
	}
	r = pseudo_attribute(c, "standalone", &value);
	if (r < 0 || (r > 0 && !is(value, "yes") && !is(value, "no")))
		return "xml.not-wellformed";
	skip_space(c);
	return skip(c, "?>") ? NULL : "xml.not-wellformed";
}

bool declaration_encoding(struct span data, struct span *ret_name)
{
	const char *start = (const char *)data.data;
	struct cursor c = { .p = start, .end = start + data.len };
	struct span version;

	return skip(&c, "<?xml") && pseudo_attribute(&c, "version", &version) > 0 &&
	       pseudo_attribute(&c, "encoding", ret_name) > 0;
}

const char *declaration_check(struct span data, size_t *ret_used, const char **ret_why)
{
	const char *start = (const char *)data.data, *code;
	struct cursor c = { .p = start, .end = start + data.len };

	*ret_used = 0;
	*ret_why = "";
	if (!skip(&c, "<?xml") || c.p == c.end || !space(*c.p))
		return NULL;
	code = check(&c, ret_why);
	if (!code)
		*ret_used = (size_t)(c.p - start);
	return code;
}
