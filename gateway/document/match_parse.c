/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/match_model.h"

#include "document/xpath_lex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct parsing {
	struct rule_compiler *compiler;
	const struct prefixes *prefixes;
	struct lexer lexer;
	struct token token; /* the next one */
	const char *why;
	bool positions;
};

static bool refuse(struct parsing *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return false;
}

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

/* An axis, where one is written: a pattern looks at children and attributes only. */
static bool axis(struct parsing *p, struct step *s)
{
	s->kind = MATCH_ELEMENT;
	if (take(p, "@")) {
		s->kind = MATCH_ATTRIBUTE;
		return true;
	}
	if (p->token.kind != TOKEN_AXIS)
		return true;
	if (token_is(&p->token, "attribute"))
		s->kind = MATCH_ATTRIBUTE;
	else if (!token_is(&p->token, "child"))
		return refuse(p, "a pattern has the axes child and attribute only");
	advance(p);
	return take(p, "::") || refuse(p, "an axis is followed by ::");
}

static bool node_type(struct parsing *p, struct step *s)
{
	s->any_namespace = true;
	if (token_is(&p->token, "text"))
		return refuse(p, "a rule has no text as its context: name the element");
	if (token_is(&p->token, "comment"))
		s->kind = MATCH_COMMENT;
	else if (token_is(&p->token, "processing-instruction"))
		s->kind = MATCH_PI;
	else if (s->kind != MATCH_ATTRIBUTE)
		s->kind = MATCH_CHILD;
	advance(p);
	advance(p); /* the parenthesis that made it one */
	if (p->token.kind == TOKEN_LITERAL) {
		s->name = strndup(p->token.text + 1, p->token.len - 2);
		advance(p);
	}
	return take(p, ")") || refuse(p, "a parenthesis is not closed");
}

/* p:a, p:* or a; libxml2 knows the prefixes when predicates run, we the names. */
static bool name_test(struct parsing *p, struct step *s)
{
	const char *text = p->token.text;
	const char *colon = memchr(text, ':', p->token.len);
	size_t prefix = colon ? (size_t)(colon - text) : 0;
	const char *local = colon ? colon + 1 : text;
	const char *uri = colon ? prefixes_find(p->prefixes, text, prefix) : NULL;

	if (colon && !uri)
		return refuse(p, "a prefix of the pattern is not declared");
	if (uri)
		s->uri = strdup(uri);
	if (*local != '*')
		s->name = strndup(local, p->token.len - (size_t)(local - text));
	advance(p);
	return (s->name || *local == '*') && (s->uri || !uri);
}

static bool node_test(struct parsing *p, struct step *s)
{
	if (p->token.kind == TOKEN_NODETYPE)
		return node_type(p, s);
	if (p->token.kind == TOKEN_NAME)
		return name_test(p, s);
	if (p->token.kind != TOKEN_STAR)
		return refuse(p, "a step of a pattern is a name, * or a node type");
	s->any_namespace = true;
	advance(p);
	return true;
}

/* Go behind the bracket that closes the one just taken. position() and last() count among
 * siblings, unless they stand in a predicate of their own further down.
 * Return: the closing bracket, or NULL. */
static const char *skip_predicate(struct parsing *p, bool *ret_position)
{
	size_t depth = 1;
	const char *end = NULL;

	while (!end && p->token.kind != TOKEN_END && p->token.kind != TOKEN_BAD) {
		if (token_is(&p->token, "["))
			depth++;
		else if (token_is(&p->token, "]") && --depth == 0)
			end = p->token.text;
		else if (p->token.kind == TOKEN_FUNCTION && depth == 1 &&
			 (token_is(&p->token, "position") || token_is(&p->token, "last")))
			*ret_position = true;
		else if (p->token.kind == TOKEN_FUNCTION &&
			 token_is(&p->token, "current"))
			return NULL; /* XSLT 1.0, 12.4 */
		advance(p);
	}
	return end;
}

static bool predicate(struct parsing *p, struct step *s, bool *ret_position)
{
	const char *begin = p->token.text, *end;
	_cleanup_(freep) char *text = NULL;
	struct test *test;

	end = skip_predicate(p, ret_position);
	if (!end)
		return refuse(p, "a predicate is not closed, or calls current()");
	if (s->predicate_count == PREDICATES_MAX)
		return refuse(p, "a step has too many predicates");
	text = strndup(begin, (size_t)(end - begin));
	test = &s->predicates[s->predicate_count];
	if (!text || !test_compile(p->compiler, text, WANT_PREDICATE, test, &p->why))
		return false;
	p->why = NULL;
	s->predicate_count++;
	*ret_position |= rule_is_number(p->compiler, test->expression);
	return true;
}

/* begin: where the step was written, its predicates included. */
static bool select_siblings(struct parsing *p, struct step *s, const char *begin)
{
	size_t n = (size_t)(p->token.text - begin);
	_cleanup_(freep) char *text = strndup(begin, n);

	if (s->kind != MATCH_ELEMENT)
		return refuse(p, "only elements have a position in a pattern");
	s->kept = calloc(1, sizeof(*s->kept));
	s->select = text && s->kept ? rule_compile(p->compiler, text, WANT_NODES, &p->why)
				    : NULL;
	if (!s->select)
		return false;
	p->why = NULL;
	p->positions = true;
	return true;
}

static bool step(struct parsing *p, struct step *s)
{
	const char *begin = p->token.text;
	bool position = false, ok = axis(p, s) && node_test(p, s);

	while (ok && take(p, "["))
		ok = predicate(p, s, &position);
	if (ok && position)
		ok = select_siblings(p, s, begin);
	return ok;
}

static bool ends(const struct parsing *p)
{
	return p->token.kind == TOKEN_END || token_is(&p->token, "|");
}

/* One more element at the end of a list, zeroed. */
static void *grow(void *list, size_t count, size_t size)
{
	char *more = reallocarray(list, count + 1, size);

	if (more)
		memset(more + count * size, 0, size);
	return more;
}

static bool next_step(struct parsing *p, struct alternative *a, bool deep)
{
	struct step *steps;

	if (a->count == STEPS_MAX)
		return refuse(p, "a pattern has too many steps");
	steps = grow(a->steps, a->count, sizeof(*steps));
	if (!steps)
		return false;
	a->steps = steps;
	steps[a->count].deep = deep;
	return step(p, &steps[a->count++]);
}

static bool alternative(struct parsing *p, struct alternative *a)
{
	size_t loops = 0;
	bool deep = take(p, "//"), ok;

	a->absolute = deep || take(p, "/");
	if (a->absolute && !deep && ends(p))
		return true;
	ok = next_step(p, a, deep);
	while (ok && p->token.kind == TOKEN_STEP) {
		deep = token_is(&p->token, "//");
		loops += deep;
		if (loops > DEEP_MAX)
			return refuse(p, "a pattern has too many //");
		advance(p);
		ok = next_step(p, a, deep);
	}
	return ok;
}

static bool alternatives(struct parsing *p, struct match *m)
{
	bool ok;

	do {
		struct alternative *list;

		if (m->count == ALTERNATIVES_MAX)
			return refuse(p, "a pattern has too many alternatives");
		list = grow(m->alternatives, m->count, sizeof(*list));
		if (!list)
			return false;
		m->alternatives = list;
		ok = alternative(p, &list[m->count++]);
	} while (ok && take(p, "|"));
	if (ok && p->token.kind != TOKEN_END)
		return refuse(p, "this is no pattern of XSLT 1.0");
	return ok;
}

struct match *match_compile(
	struct rule_compiler *c, const char *pattern, const char **ret_why)
{
	struct parsing p = { .compiler = c, .prefixes = rule_compiler_prefixes(c) };
	struct match *m = calloc(1, sizeof(*m));

	*ret_why = "there is no memory";
	if (!m)
		return NULL;
	lex_init(&p.lexer, pattern);
	advance(&p);
	if (alternatives(&p, m)) {
		m->positions = p.positions;
		return m;
	}
	if (p.why)
		*ret_why = p.why;
	match_free(m);
	return NULL;
}
