/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/scan.h"

#include "common/limits.h"
#include "xml/declaration.h"
#include "xml/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum level_flags { HAS_TEXT = 1, HAS_COMMENT = 2, HAS_PI = 4 };

struct level {
	uint8_t flags;
	uint8_t namespaces;
};

struct scan {
	const uint8_t *start, *p, *end;
	enum xml_profile profile;
	struct findings *findings;
	size_t refusals; /* of the profile: the scan goes on to show the others */
	size_t nodes, comments;
	size_t depth, namespaces;
	uint64_t lookups;
	struct level levels[SCAN_DEPTH_MAX + 1]; /* [0] is what surrounds the root */
};

/* "LINE:COLUMN" of a place, counted in lines and characters from 1. */
static void place(const struct scan *s, const uint8_t *at, char *ret, size_t size)
{
	size_t line = 1, column = 1;

	for (const uint8_t *p = s->start; p < at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	}
	(void)snprintf(ret, size, "%zu:%zu", line, column);
}

/* One refusal; *at onwards is what was received. Return: false. */
__attribute__((format(printf, 4, 5))) static bool refuse(
	struct scan *s, const char *code, const uint8_t *at, const char *format, ...)
{
	char where[48], received[64], message[200];
	size_t n = (size_t)(s->end - at);
	va_list ap;

	if (n > sizeof(received) - 1)
		n = sizeof(received) - 1;
	memcpy(received, at, n);
	received[n] = '\0';
	place(s, at, where, sizeof(where));
	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	findings_add(s->findings, code, where, received, message);
	return false;
}

/* A refusal of the profile: noted, and the scan goes on. */
static bool note(struct scan *s, const char *code, const uint8_t *at, const char *message)
{
	refuse(s, code, at, "%s", message);
	return ++s->refusals < SCAN_REFUSALS_MAX;
}

static bool count_nodes(struct scan *s, size_t n)
{
	s->nodes += n;
	if (s->nodes <= SCAN_NODES_MAX)
		return true;
	return refuse(s, "xml.nodes", s->p,
		"The document has more than %u elements, attributes, texts and comments.",
		SCAN_NODES_MAX);
}

static bool space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool begins(const struct scan *s, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

/* The end of what begins at s->p, "-->" or the like, or NULL with a finding. */
static const uint8_t *find(
	struct scan *s, size_t skip, const char *text, const char *what)
{
	const uint8_t *from = s->p + skip;
	const uint8_t *found = memmem(from, (size_t)(s->end - from), text, strlen(text));

	if (found)
		return found + strlen(text);
	refuse(s, "xml.not-wellformed", s->p, "A %s has no end.", what);
	return NULL;
}

static bool comment(struct scan *s)
{
	const uint8_t *end = find(s, 4, "-->", "comment");

	if (!end || !count_nodes(s, 1))
		return false;
	if ((size_t)(end - s->p) > SCAN_COMMENT_MAX)
		return refuse(s, "xml.comment", s->p,
			"A comment is longer than %u octets.", SCAN_COMMENT_MAX);
	if (++s->comments > SCAN_COMMENTS_MAX)
		return refuse(s, "xml.comment", s->p,
			"The document has more than %u comments.", SCAN_COMMENTS_MAX);
	s->levels[s->depth].flags |= HAS_COMMENT;
	s->p = end;
	return true;
}

static bool instruction(struct scan *s)
{
	const uint8_t *end = find(s, 2, "?>", "processing instruction");
	bool go_on = true;

	if (!end || !count_nodes(s, 1))
		return false;
	if ((size_t)(end - s->p) > SCAN_COMMENT_MAX)
		return refuse(s, "xml.pi", s->p,
			"A processing instruction is longer than %u octets.",
			SCAN_COMMENT_MAX);
	if (++s->comments > SCAN_COMMENTS_MAX)
		return refuse(s, "xml.pi", s->p,
			"The document has more than %u processing instructions.",
			SCAN_COMMENTS_MAX);
	if (s->profile == XML_READ_GATE)
		go_on = note(
			s, "xml.pi", s->p, "Processing instructions are not allowed.");
	s->levels[s->depth].flags |= HAS_PI;
	s->p = end;
	return go_on;
}

static bool cdata(struct scan *s)
{
	const uint8_t *end = find(s, 9, "]]>", "CDATA section");

	if (!end || !count_nodes(s, 1))
		return false;
	s->levels[s->depth].flags |= HAS_TEXT;
	s->p = end;
	return true;
}

/* Everything that begins with "<!". */
static bool declaration(struct scan *s)
{
	if (begins(s, "<!--"))
		return comment(s);
	if (begins(s, "<![CDATA["))
		return cdata(s);
	if (begins(s, "<!DOCTYPE"))
		return refuse(s, "xml.doctype", s->p,
			"The document has a document type declaration.");
	return refuse(s, "xml.not-wellformed", s->p,
		"\"<!\" begins neither a comment nor a CDATA section.");
}

/* The content of an element has ended: comments and instructions beside text split a
 * value for one reader and not for the next, and canonicalisation without comments drops
 * them. */
static bool leave(struct scan *s)
{
	const struct level *level = &s->levels[s->depth];
	bool go_on = true;

	if ((level->flags & HAS_TEXT) && (level->flags & HAS_COMMENT) &&
		s->profile == XML_READ_GATE)
		go_on = note(s, "xml.comment", s->p,
			"A comment stands beside text in a value.");
	if ((level->flags & HAS_TEXT) && (level->flags & HAS_PI) &&
		s->profile != XML_READ_GATE)
		go_on = note(s, "xml.pi", s->p,
			"A processing instruction stands beside text in a value.");
	s->namespaces -= level->namespaces;
	s->depth--;
	return go_on;
}

static bool end_tag(struct scan *s)
{
	const uint8_t *end = memchr(s->p, '>', (size_t)(s->end - s->p));

	if (!end || s->depth == 0)
		return refuse(s, "xml.not-wellformed", s->p,
			"An end tag is not closed or has "
			"no start tag.");
	if (!leave(s))
		return false;
	s->p = end + 1;
	return true;
}

struct tag {
	const uint8_t *end; /* behind ">" */
	size_t attributes, namespaces;
};

static bool is_namespace(const uint8_t *name, const uint8_t *end)
{
	return end - name >= 5 && memcmp(name, "xmlns", 5) == 0 &&
	       (end - name == 5 || name[5] == ':' || space(name[5]));
}

/* Count what stands between the name of a start tag and its end; limit is the last octet
 * that may be looked at. Return: false when the tag has no end before it. */
static bool measure(const uint8_t *p, const uint8_t *limit, struct tag *tag)
{
	const uint8_t *name = p;

	for (; p < limit; p++) {
		if (*p == '>') {
			tag->end = p + 1;
			return true;
		}
		if (*p == '=') {
			tag->attributes++;
			tag->namespaces += is_namespace(name, p);
		} else if (*p == '"' || *p == '\'') {
			p = memchr(p + 1, *p, (size_t)(limit - p - 1));
			if (!p)
				return false;
			name = p + 1;
		} else if (space(*p) && p + 1 < limit && !space(p[1]) && p[1] != '=') {
			name = p + 1;
		}
	}
	return false;
}

static bool find_tag_end(struct scan *s, struct tag *tag)
{
	size_t left = (size_t)(s->end - s->p);
	size_t max = left < SCAN_TAG_MAX ? left : SCAN_TAG_MAX;
	const uint8_t *end = memchr(s->p, '>', max);

	*tag = (struct tag){ 0 };
	/* Most tags have no attribute: then the first ">" is the end. */
	if (end && !memchr(s->p, '=', (size_t)(end - s->p))) {
		tag->end = end + 1;
		return true;
	}
	if (measure(s->p, s->p + max, tag))
		return true;
	if (max == left)
		return refuse(s, "xml.not-wellformed", s->p, "A start tag has no end.");
	return refuse(s, "xml.tag-size", s->p, "A start tag is longer than %u octets.",
		SCAN_TAG_MAX);
}

static bool check_tag(struct scan *s, const struct tag *tag)
{
	size_t in_scope;

	if (tag->attributes > SCAN_ATTRIBUTES_MAX)
		return refuse(s, "xml.attributes", s->p,
			"A tag has %zu attributes and namespace declarations; at most %u "
			"are "
			"allowed.",
			tag->attributes, SCAN_ATTRIBUTES_MAX);
	if (s->namespaces + tag->namespaces > SCAN_NAMESPACES_MAX)
		return refuse(s, "xml.attributes", s->p,
			"More than %u namespace declarations are in scope.",
			SCAN_NAMESPACES_MAX);
	if (s->depth >= SCAN_DEPTH_MAX)
		return refuse(s, "xml.depth", s->p,
			"Elements are nested more than %u deep.", SCAN_DEPTH_MAX);
	in_scope = s->namespaces + tag->namespaces;
	s->lookups += in_scope * (in_scope + s->depth);
	if (s->lookups > SCAN_LOOKUPS_MAX)
		return refuse(s, "xml.attributes", s->p,
			"There are too many elements below too many namespace "
			"declarations.");
	return count_nodes(s, 1 + tag->attributes);
}

static bool start_tag(struct scan *s)
{
	struct tag tag;

	if (!find_tag_end(s, &tag) || !check_tag(s, &tag))
		return false;
	if (tag.end[-2] != '/') {
		s->depth++;
		s->levels[s->depth] =
			(struct level){ .namespaces = (uint8_t)tag.namespaces };
		s->namespaces += tag.namespaces;
	}
	s->p = tag.end;
	return true;
}

/* Text up to the next "<". White space alone is no text of a value. */
static bool text(struct scan *s)
{
	const uint8_t *next = memchr(s->p, '<', (size_t)(s->end - s->p));
	const uint8_t *end = next ? next : s->end;

	if (end == s->p)
		return true;
	for (const uint8_t *p = s->p; p < end; p++) {
		if (!space(*p)) {
			s->levels[s->depth].flags |= HAS_TEXT;
			break;
		}
	}
	s->p = end;
	return count_nodes(s, 1);
}

static bool markup(struct scan *s)
{
	switch (s->end - s->p > 1 ? s->p[1] : 0) {
	case '/':
		return end_tag(s);
	case '!':
		return declaration(s);
	case '?':
		return instruction(s);
	default:
		return start_tag(s);
	}
}

static bool walk(struct scan *s)
{
	while (s->p < s->end) {
		if (!text(s))
			return false;
		if (s->p < s->end && !markup(s))
			return false;
	}
	return s->refusals == 0;
}

static bool check_octets(struct scan *s, struct span data)
{
	const uint8_t *bidi;
	size_t good = utf8_check(data, &bidi);

	if (good < data.len && data.data[good] == 0)
		return refuse(
			s, "xml.nul", data.data + good, "The document has a NUL octet.");
	if (good < data.len)
		return refuse(s, "xml.encoding", data.data + good,
			"The octets from here on are not UTF-8.");
	if (bidi && s->profile == XML_READ_GATE)
		return refuse(s, "xml.direction", bidi,
			"The document has a character that turns the direction of text.");
	return true;
}

/* The byte order mark and the XML declaration. */
static bool check_head(struct scan *s)
{
	const char *code, *why;
	size_t used;

	if (begins(s, "\xef\xbb\xbf"))
		s->p += 3;
	code = declaration_check(span_of(s->p, (size_t)(s->end - s->p)), &used, &why);
	if (code)
		return refuse(s, code, s->p, "%s", why);
	s->p += used;
	return true;
}

static bool has_references(struct span data)
{
	const uint8_t *p = data.data, *end = data.data + data.len;

	while ((p = memchr(p, '&', (size_t)(end - p))) != NULL)
		if (++p < end && *p == '#')
			return true;
	return false;
}

bool xml_scan(struct span data, enum xml_profile profile, struct findings *findings,
	bool *ret_references)
{
	struct scan s = { .start = data.data,
		.p = data.data,
		.end = data.data + data.len,
		.profile = profile,
		.findings = findings };

	*ret_references = false;
	if (data.len == 0) {
		findings_add(findings, "xml.empty", NULL, NULL, NULL);
		return false;
	}
	if (data.len > LIMIT_DOCUMENT)
		return refuse(&s, "xml.size", data.data,
			"The document has %zu octets; at most %u are allowed.", data.len,
			LIMIT_DOCUMENT);
	if (!check_octets(&s, data) || !check_head(&s) || !walk(&s))
		return false;
	*ret_references = has_references(data);
	return true;
}
