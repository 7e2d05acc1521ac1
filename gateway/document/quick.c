/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/quick.h"

#include "document/xpath_lex.h"

#include <stdlib.h>
#include <string.h>

#define TERMS_MAX 8

enum term_kind {
	TERM_THERE,
	TERM_EQUALS,
	TERM_NOT_BLANK,
	TERM_NUMBER,
	TERM_OTHER_NUMBER,
};

struct term {
	enum term_kind kind;
	bool attribute;
	char *name; /* NULL: the node itself */
	char *uri;  /* NULL: none */
	char *literal;
	double number;
};

struct quick {
	struct term terms[TERMS_MAX];
	size_t count;
};

struct parsing {
	struct lexer lexer;
	struct token token;
	const struct prefixes *prefixes;
};

static void advance(struct parsing *p)
{
	p->token = lex_next(&p->lexer);
}

static bool take(struct parsing *p, const char *text)
{
	if (p->token.kind == TOKEN_END || !token_is(&p->token, text))
		return false;
	advance(p);
	return true;
}

/* a, p:a, @a or a dot. */
static bool operand(struct parsing *p, struct term *t)
{
	const char *colon, *local, *uri;

	if (take(p, "."))
		return true;
	t->attribute = take(p, "@");
	if (p->token.kind != TOKEN_NAME)
		return false;
	colon = memchr(p->token.text, ':', p->token.len);
	local = colon ? colon + 1 : p->token.text;
	uri = colon ? prefixes_find(
			      p->prefixes, p->token.text, (size_t)(colon - p->token.text))
		    : NULL;
	if (*local == '*' || (colon && !uri))
		return false;
	t->name = strndup(local, p->token.len - (size_t)(local - p->token.text));
	t->uri = uri ? strdup(uri) : NULL;
	advance(p);
	return t->name && (t->uri || !uri);
}

static bool literal(struct parsing *p, struct term *t)
{
	if (p->token.kind != TOKEN_LITERAL)
		return false;
	t->literal = strndup(p->token.text + 1, p->token.len - 2);
	advance(p);
	return t->literal != NULL;
}

static bool number(struct parsing *p, struct term *t, enum term_kind kind)
{
	char text[24] = "";

	if (p->token.kind != TOKEN_NUMBER || p->token.len >= sizeof(text))
		return false;
	memcpy(text, p->token.text, p->token.len);
	t->kind = kind;
	t->number = xmlXPathCastStringToNumber(BAD_CAST text);
	advance(p);
	return true;
}

static bool term(struct parsing *p, struct term *t)
{
	if (take(p, "normalize-space")) {
		t->kind = TERM_NOT_BLANK;
		return take(p, "(") && operand(p, t) && take(p, ")") && take(p, "!=") &&
		       literal(p, t) && !*t->literal;
	}
	if (!operand(p, t))
		return false;
	if (take(p, "!="))
		return number(p, t, TERM_OTHER_NUMBER);
	if (!take(p, "="))
		return t->name != NULL;
	if (p->token.kind == TOKEN_NUMBER)
		return number(p, t, TERM_NUMBER);
	t->kind = TERM_EQUALS;
	return literal(p, t);
}

struct quick *quick_compile(const char *expression, const struct prefixes *prefixes)
{
	struct parsing p = { .prefixes = prefixes };
	struct quick *q = calloc(1, sizeof(*q));
	bool ok = q != NULL;

	lex_init(&p.lexer, expression);
	advance(&p);
	while (ok) {
		ok = q->count < TERMS_MAX && term(&p, &q->terms[q->count++]);
		if (!ok || p.token.kind == TOKEN_END)
			break;
		ok = take(&p, "or");
	}
	if (ok)
		return q;
	quick_free(q);
	return NULL;
}

void quick_free(struct quick *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->count; i++) {
		free(q->terms[i].name);
		free(q->terms[i].uri);
		free(q->terms[i].literal);
	}
	free(q);
}

static bool named(const struct term *t, const char *name, const xmlNs *ns)
{
	if (strcmp(t->name, name) != 0)
		return false;
	return t->uri ? ns && strcmp(t->uri, (const char *)ns->href) == 0 : !ns;
}

static bool compare(const struct term *t, const char *value)
{
	if (t->kind == TERM_NUMBER)
		return xmlXPathCastStringToNumber(BAD_CAST value) == t->number;
	if (t->kind == TERM_OTHER_NUMBER) /* so is what is no number */
		return !(xmlXPathCastStringToNumber(BAD_CAST value) == t->number);
	if (t->kind == TERM_EQUALS)
		return strcmp(value, t->literal) == 0;
	return value[strspn(value, " \t\r\n")] != '\0';
}

/* The string value of an element, which is mostly one text or none. */
static bool element_fits(const struct term *t, const xmlNode *node)
{
	const xmlNode *only = node->children;
	xmlChar *text;
	bool fits;

	if (!only)
		return compare(t, "");
	if (!only->next && only->type == XML_TEXT_NODE)
		return compare(t, only->content ? (const char *)only->content : "");
	text = xmlXPathCastNodeToString((xmlNode *)(uintptr_t)node);
	fits = text && compare(t, (const char *)text);
	xmlFree(text);
	return fits;
}

static bool attribute_holds(const struct term *t, const xmlNode *node)
{
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		const xmlNode *text = a->children;

		if (!named(t, (const char *)a->name, a->ns))
			continue;
		return t->kind == TERM_THERE ||
		       compare(t,
			       text && text->content ? (const char *)text->content : "");
	}
	return false;
}

/* Equal is one of several; a function looks at the first only. */
static bool child_holds(const struct term *t, const xmlNode *node)
{
	for (const xmlNode *c = node->children; c; c = c->next) {
		if (c->type != XML_ELEMENT_NODE ||
			!named(t, (const char *)c->name, c->ns))
			continue;
		if (t->kind == TERM_THERE || element_fits(t, c))
			return true;
		if (t->kind == TERM_NOT_BLANK)
			return false;
	}
	return false;
}

bool quick_holds(const struct quick *q, const xmlNode *node)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct term *t = &q->terms[i];

		if (!t->name	       ? element_fits(t, node)
			: t->attribute ? attribute_holds(t, node)
				       : child_holds(t, node))
			return true;
	}
	return false;
}

bool test_compile(struct rule_compiler *c, const char *expression, enum rule_want want,
	struct test *ret_test, const char **ret_why)
{
	ret_test->expression = rule_compile(c, expression, want, ret_why);
	if (!ret_test->expression)
		return false;
	ret_test->quick = quick_compile(expression, rule_compiler_prefixes(c));
	return true;
}

void test_done(struct test *t)
{
	xmlXPathFreeCompExpr(t->expression);
	quick_free(t->quick);
	*t = (struct test){ 0 };
}

int test_holds(const struct test *t, xmlXPathContext *context, xmlNode *node)
{
	if (t->quick && node->type == XML_ELEMENT_NODE)
		return quick_holds(t->quick, node);
	return rule_holds(context, t->expression, node);
}
