/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/xpath_lex.h"

#include <string.h>

#define DIGITS "0123456789"
#define SPACE " \t\r\n"

void lex_init(struct lexer *l, const char *text)
{
	*l = (struct lexer){ .at = text };
}

bool token_is(const struct token *t, const char *text)
{
	return strlen(text) == t->len && memcmp(t->text, text, t->len) == 0;
}

static bool name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static size_t name_length(const char *text)
{
	size_t n = 0;

	if (!name_start(*text))
		return 0;
	while (name_start(text[n]) || (text[n] && strchr(DIGITS "-.", text[n])))
		n++;
	return n;
}

/* a, a:b or a:*, but not a of a::b. */
static size_t qname_length(const char *text)
{
	size_t n = name_length(text), local;

	if (n == 0 || text[n] != ':' || text[n + 1] == ':')
		return n;
	local = text[n + 1] == '*' ? 1 : name_length(text + n + 1);
	return local ? n + 1 + local : n;
}

/* XPath 1.0, 3.7: behind these, or at the start, * and names are no operators. */
static bool operand_before(const struct token *last)
{
	switch (last->kind) {
	case TOKEN_END:
	case TOKEN_BAD:
	case TOKEN_OPERATOR:
	case TOKEN_STEP:
		return false;
	case TOKEN_MARK:
		return !(token_is(last, "@") || token_is(last, "::") ||
			 token_is(last, "(") || token_is(last, "[") ||
			 token_is(last, ","));
	case TOKEN_NAME:
	case TOKEN_STAR:
	case TOKEN_VARIABLE:
	case TOKEN_FUNCTION:
	case TOKEN_NODETYPE:
	case TOKEN_AXIS:
	case TOKEN_NUMBER:
	case TOKEN_LITERAL:
	default:
		return true;
	}
}

static bool one_of(const struct token *t, const char *const *list)
{
	for (; *list; list++)
		if (token_is(t, *list))
			return true;
	return false;
}

/* What a name is depends on what stands before and behind it. */
static enum token_kind kind_of_name(const struct lexer *l, const struct token *t)
{
	static const char *const OPERATORS[] = { "and", "or", "div", "mod", NULL };
	static const char *const TYPES[] = { "text", "node", "comment",
		"processing-instruction", NULL };
	const char *behind = t->text + t->len;

	behind += strspn(behind, SPACE);
	if (operand_before(&l->last))
		return one_of(t, OPERATORS) ? TOKEN_OPERATOR : TOKEN_BAD;
	if (behind[0] == ':' && behind[1] == ':')
		return TOKEN_AXIS;
	if (behind[0] == '(')
		return one_of(t, TYPES) ? TOKEN_NODETYPE : TOKEN_FUNCTION;
	return TOKEN_NAME;
}

static struct token number(const char *at)
{
	size_t n = strspn(at, DIGITS);

	if (at[n] == '.')
		n += 1 + strspn(at + n + 1, DIGITS);
	return (struct token){ TOKEN_NUMBER, at, n };
}

static struct token literal(const char *at)
{
	const char *end = strchr(at + 1, *at);

	if (!end)
		return (struct token){ TOKEN_BAD, at, 1 };
	return (struct token){ TOKEN_LITERAL, at, (size_t)(end - at) + 1 };
}

static struct token symbol(const struct lexer *l, const char *at)
{
	static const char *const TWO[] = { "!=", "<=", ">=", NULL };
	struct token two = { TOKEN_OPERATOR, at, at[1] ? 2 : 1 };

	if (one_of(&two, TWO))
		return two;
	if (*at == '/')
		return (struct token){ TOKEN_STEP, at, at[1] == '/' ? 2 : 1 };
	if (*at == '.' || *at == ':')
		return (struct token){ *at == ':' && at[1] != ':' ? TOKEN_BAD
								  : TOKEN_MARK,
			at, at[1] == *at ? 2 : 1 };
	if (*at == '*')
		return (struct token){
			operand_before(&l->last) ? TOKEN_OPERATOR : TOKEN_STAR, at, 1
		};
	if (strchr("()[]@,", *at))
		return (struct token){ TOKEN_MARK, at, 1 };
	if (strchr("+-=<>|", *at))
		return (struct token){ TOKEN_OPERATOR, at, 1 };
	return (struct token){ TOKEN_BAD, at, 1 };
}

static struct token scan(const struct lexer *l, const char *at)
{
	struct token t = { TOKEN_END, at, 0 };

	if (*at == '\0')
		return t;
	if (*at == '\'' || *at == '"')
		return literal(at);
	if ((*at >= '0' && *at <= '9') || (*at == '.' && at[1] >= '0' && at[1] <= '9'))
		return number(at);
	if (*at == '$') {
		t.len = 1 + qname_length(at + 1);
		t.kind = t.len > 1 ? TOKEN_VARIABLE : TOKEN_BAD;
		return t;
	}
	t.len = qname_length(at);
	if (t.len == 0)
		return symbol(l, at);
	t.kind = kind_of_name(l, &t);
	return t;
}

struct token lex_next(struct lexer *l)
{
	struct token t;

	if (l->last.kind == TOKEN_BAD)
		return l->last;
	l->at += strspn(l->at, SPACE);
	t = scan(l, l->at);
	l->last = t;
	l->at = t.text + t.len;
	return t;
}
