/* SPDX-License-Identifier: EUPL-1.2 */
#include "xml/locate.h"

#include <string.h>

#define LEVELS_MAX 300
#define PLACES_MAX 20000

/* A step of some wanted path below a parent; siblings of one name share `count`, which
 * the first of them keeps: each place is met once, so it is never set back. */
struct place {
	const char *name;
	size_t len, index;
	struct place *child, *next;
	struct place *first; /* of the same name below the same parent */
	size_t count;
	unsigned int line, column; /* once met */
};

struct locating {
	struct place *places; /* the first is above the root */
	size_t count, size;
	const char *at, *end;
	/* Where lines were counted to. */
	const char *line_start, *counted;
	unsigned int line;
	struct place *levels[LEVELS_MAX]; /* open elements; NULL: on no wanted path */
	size_t depth;
};

/* The next step of a path: name and number, 1 when none is written.
 * Return: the rest, or NULL at the end and for an attribute. */
static const char *next_step(
	const char *path, const char **ret_name, size_t *ret_len, size_t *ret_index)
{
	if (path[0] != '/' || path[1] == '@' || path[1] == '\0')
		return NULL;
	*ret_name = path + 1;
	*ret_len = strcspn(path + 1, "/[");
	path += 1 + *ret_len;
	*ret_index = 1;
	if (*path == '[') {
		char *close;

		*ret_index = strtoul(path + 1, &close, 10);
		if (*close != ']')
			*ret_index = 0; /* cut off: no place has this number */
		path = *close == ']' ? close + 1 : "";
	}
	return path;
}

static bool named(const struct place *p, const char *name, size_t len)
{
	return p->len == len && memcmp(p->name, name, len) == 0;
}

static struct place *add_place(struct locating *l, struct place *parent, const char *name,
	size_t len, size_t index)
{
	struct place *first = NULL, *p;

	for (p = parent->child; p; p = p->next) {
		if (!named(p, name, len))
			continue;
		if (p->index == index)
			return p;
		first = p->first;
	}
	if (l->count == l->size)
		return NULL;
	p = &l->places[l->count++];
	*p = (struct place){ .name = name, .len = len, .index = index };
	p->first = first ? first : p;
	p->next = parent->child;
	parent->child = p;
	return p;
}

static struct place *add_path(struct locating *l, const char *path)
{
	struct place *p = &l->places[0];
	const char *name;
	size_t len, index;

	while (p && (path = next_step(path, &name, &len, &index)) != NULL)
		p = add_place(l, p, name, len, index);
	return p == &l->places[0] ? NULL : p;
}

static void count_lines(struct locating *l, const char *to)
{
	const char *feed;

	while ((feed = memchr(l->counted, '\n', (size_t)(to - l->counted))) != NULL) {
		l->line++;
		l->counted = feed + 1;
		l->line_start = feed + 1;
	}
	l->counted = to;
}

static void met(struct locating *l, struct place *p, const char *at)
{
	count_lines(l, at);
	p->line = l->line;
	p->column = 1;
	for (const char *c = l->line_start; c < at; c++)
		p->column += ((unsigned char)*c & 0xc0) != 0x80;
}

static void open_element(
	struct locating *l, const char *tag, const char *name, size_t len)
{
	struct place *parent = l->levels[l->depth], *found = NULL;
	bool counted = false;

	for (struct place *p = parent ? parent->child : NULL; p; p = p->next) {
		if (!named(p, name, len))
			continue;
		if (!counted)
			p->first->count++;
		counted = true;
		if (p->index == p->first->count)
			found = p;
	}
	if (found)
		met(l, found, tag);
	if (l->depth + 1 < LEVELS_MAX)
		l->levels[++l->depth] = found;
	else
		l->at = l->end;
}

/* Go behind the next occurrence of a mark, or to the end. */
static void skip_to(struct locating *l, const char *mark)
{
	const char *found = memmem(l->at, (size_t)(l->end - l->at), mark, strlen(mark));

	l->at = found ? found + strlen(mark) : l->end;
}

/* Behind the end of a tag, over quoted values. Return: true for an empty element. */
static bool skip_tag(struct locating *l)
{
	char quote = '\0', last = '\0';

	for (; l->at < l->end; l->at++) {
		char c = *l->at;

		if (quote) {
			quote = c == quote ? '\0' : quote;
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '>') {
			l->at++;
			return last == '/';
		}
		last = c;
	}
	return false;
}

static bool begins(const struct locating *l, const char *mark)
{
	size_t n = strlen(mark);

	return (size_t)(l->end - l->at) >= n && memcmp(l->at, mark, n) == 0;
}

static void start_tag(struct locating *l, const char *tag)
{
	const char *name = l->at;

	while (l->at < l->end && !strchr(" \t\r\n/>", *l->at))
		l->at++;
	open_element(l, tag, name, (size_t)(l->at - name));
	if (skip_tag(l) && l->depth > 0)
		l->depth--;
}

static void markup(struct locating *l)
{
	const char *tag = l->at;

	if (begins(l, "<!--")) {
		skip_to(l, "-->");
	} else if (begins(l, "<![CDATA[")) {
		skip_to(l, "]]>");
	} else if (begins(l, "<?")) {
		skip_to(l, "?>");
	} else if (begins(l, "</")) {
		skip_to(l, ">");
		l->depth -= l->depth > 0;
	} else {
		l->at++;
		start_tag(l, tag);
	}
}

static void scan(struct locating *l)
{
	if (begins(l, "\xef\xbb\xbf"))
		l->line_start = l->at += 3;
	l->levels[0] = &l->places[0];
	while (l->at < l->end) {
		l->at = memchr(l->at, '<', (size_t)(l->end - l->at));
		if (!l->at)
			return;
		markup(l);
	}
}

static size_t steps_of(const struct findings *f)
{
	size_t n = 1;

	for (size_t i = 0; i < f->count; i++)
		for (const char *c = f->list[i].where; c && *c; c++)
			n += *c == '/';
	return n < PLACES_MAX ? n : PLACES_MAX;
}

void xml_locate(struct span octets, struct findings *findings)
{
	struct place **found = calloc(findings->count + 1, sizeof(struct place *));
	struct locating l = { .at = (const char *)octets.data, .line = 1 };

	l.size = steps_of(findings);
	l.places = l.size > 1 && found && octets.len ? calloc(l.size, sizeof(*l.places))
						     : NULL;
	if (!l.places) {
		free(found);
		return;
	}
	l.count = 1;
	l.line_start = l.counted = l.at;
	l.end = l.at + octets.len;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].where && findings->list[i].where[0] == '/')
			found[i] = add_path(&l, findings->list[i].where);
	scan(&l);
	for (size_t i = 0; i < findings->count; i++)
		if (found[i] && found[i]->line) {
			findings->list[i].line = found[i]->line;
			findings->list[i].column = found[i]->column;
		}
	free(l.places);
	free(found);
}
