/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The tokens of an XPath 1.0 expression (section 3.7), so that names can be looked at
 * before anything is evaluated; never decides what an expression means.
 */
#ifndef SEALGATE_DOCUMENT_XPATH_LEX_H
#define SEALGATE_DOCUMENT_XPATH_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END = 0,
	TOKEN_BAD,	/* no token begins so, or a literal has no end */
	TOKEN_NAME,	/* a, p:a, p:* */
	TOKEN_STAR,	/* * as a name test */
	TOKEN_VARIABLE, /* $a, with the sign */
	TOKEN_FUNCTION, /* a name before a parenthesis */
	TOKEN_NODETYPE, /* text, node, comment, processing-instruction likewise */
	TOKEN_AXIS,	/* a name before :: */
	TOKEN_OPERATOR, /* and, or, div, mod, *, +, -, =, !=, <, <=, >, >=, | */
	TOKEN_STEP,	/* / and // */
	TOKEN_MARK,	/* ( ) [ ] . .. @ , :: */
	TOKEN_NUMBER,
	TOKEN_LITERAL, /* with its quotation marks */
};

struct token {
	enum token_kind kind;
	const char *text;
	size_t len;
};

struct lexer {
	const char *at;
	struct token last;
};

/* Begin at the first character of a text. */
void lex_init(struct lexer *l, const char *text);

/* The next token; after TOKEN_END or TOKEN_BAD the same again. */
struct token lex_next(struct lexer *l);

/* True when the token is this text. */
bool token_is(const struct token *t, const char *text);

#endif
