/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <ctype.h>

#define XPOINTER_ROOT "#xpointer(/)"
#define XPOINTER_ID "#xpointer(id('"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo percent encoding in place; a stray percent sign stays. */
static void percent_decode(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		int high = *in == '%' ? hex_digit(in[1]) : -1;
		int low = high < 0 ? -1 : hex_digit(in[2]);

		if (low >= 0 && (high || low)) {
			*out++ = (char)(high << 4 | low);
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* A name of XML without a colon; octets from 0x80 on count as letters (the reader has
 * checked them). */
static bool is_ncname(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_' && (unsigned char)*s < 0x80)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_-.", *s) &&
			(unsigned char)*s < 0x80)
			return false;
	return true;
}

/* Identifiers that are no NCName ("1001") occur in real documents; only what could mean
 * something to a pointer language is refused. */
static bool is_harmless_id(const char *s)
{
	return *s && !strpbrk(s, "()'\"|#/[]*@ \t\r\n&<>");
}

static bool below(const xmlNode *node, const xmlNode *ancestor)
{
	for (; node; node = node->parent)
		if (node == ancestor)
			return true;
	return false;
}

/* What is inside this signature must be where a signature has it: an element that was
 * moved elsewhere and kept its identifier is not what was signed. */
static bool place_allowed(
	const struct sig *s, const struct sig_reference *r, const xmlNode *e)
{
	if (r->type && strcmp(r->type, NS_DS "Object") == 0 && !below(e, s->node))
		return false;
	if (xml_is(e, NS_DS, "Object") || xml_is(e, NS_DS, "KeyInfo"))
		return e->parent == s->node;
	if (sig_is_xades(e, "SignedProperties"))
		return e == s->properties;
	return true;
}

static void resolve_id(struct sig_context *c, const struct sig *s,
	struct sig_reference *r, const char *id)
{
	const xmlNode *e = sig_ids_find(&c->ids, id, &r->ambiguous);

	/* With two of a name the one below this signature is what its maker meant; the
	 * format is refused all the same. */
	if (r->ambiguous && s->properties && !below(e, s->node)) {
		for (size_t i = 0; i < c->ids.count; i++)
			if (strcmp(c->ids.list[i].value, id) == 0 &&
				below(c->ids.list[i].element, s->node))
				e = c->ids.list[i].element;
	}
	if (!e || (!r->ambiguous && !place_allowed(s, r, e)))
		return;
	r->target = TARGET_ELEMENT;
	r->element = e;
	r->is_properties = e == s->properties && r->type &&
			   strstr(r->type, "http://uri.etsi.org/01903") == r->type &&
			   strstr(r->type, "#SignedProperties");
}

static void resolve_pointer(
	struct sig_context *c, const struct sig *s, struct sig_reference *r)
{
	size_t len = strlen(r->uri), head = strlen(XPOINTER_ID);
	char id[256];

	if (strcmp(r->uri, XPOINTER_ROOT) == 0) {
		r->target = TARGET_DOCUMENT;
		r->keep_comments = true;
		return;
	}
	if (strncmp(r->uri, XPOINTER_ID, head) != 0 || len < head + 3 ||
		len - head - 3 >= sizeof(id) || strcmp(r->uri + len - 3, "'))") != 0)
		return;
	memcpy(id, r->uri + head, len - head - 3);
	id[len - head - 3] = '\0';
	if (!is_ncname(id))
		return;
	r->keep_comments = true;
	resolve_id(c, s, r, id);
}

static const struct xades_detached *by_name(
	const struct xades_options *o, const char *name)
{
	for (size_t i = 0; i < o->detached_count; i++)
		if (strcmp(o->detached[i].name, name) == 0)
			return &o->detached[i];
	return NULL;
}

/* How many of the signature's references are about something outside. */
static size_t outside_count(const struct sig *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->reference_count; i++) {
		const char *uri = s->references[i].uri;

		n += !uri || (*uri != '\0' && *uri != '#');
	}
	return n;
}

/* The one object that may be meant without being named, or NULL. */
static const struct xades_detached *single(const struct xades_options *o)
{
	const struct xades_detached *found = NULL;

	for (size_t i = 0; i < o->detached_count; i++) {
		if (o->detached[i].by_name_only)
			continue;
		if (found)
			return NULL;
		found = &o->detached[i];
	}
	return found;
}

/* By name; some makers write "+" for a space. One object for one reference needs no name:
 * the digest says whether it is the one. */
static void resolve_detached(
	struct sig_context *c, const struct sig *s, struct sig_reference *r)
{
	const struct xades_options *o = c->options;
	_cleanup_(freep) char *name = strdup(r->uri ? r->uri : "");

	if (!name)
		return;
	percent_decode(name);
	r->detached = by_name(o, name);
	if (!r->detached && o->profile == XADES_EIDAS) {
		for (char *plus = name; (plus = strchr(plus, '+')); plus++)
			*plus = ' ';
		r->detached = by_name(o, name);
	}
	if (!r->detached && o->profile == XADES_EIDAS && outside_count(s) == 1) {
		r->detached = single(o);
		if (r->detached && r->uri)
			sig_finding(c, SEVERITY_WARNING, "sig.reference-name", r->node,
				"The data that was given is not named '%s'.", r->uri);
	}
	if (r->detached)
		r->target = TARGET_DETACHED;
}

void sig_reference_resolve(
	struct sig_context *c, const struct sig *s, struct sig_reference *r)
{
	if (r->uri && r->uri[0] == '\0') {
		r->target = TARGET_DOCUMENT;
	} else if (r->uri && r->uri[0] == '#') {
		if (is_ncname(r->uri + 1) || (c->options->profile == XADES_EIDAS &&
						     is_harmless_id(r->uri + 1)))
			resolve_id(c, s, r, r->uri + 1);
		else if (c->options->profile == XADES_EIDAS)
			resolve_pointer(c, s, r);
	} else {
		resolve_detached(c, s, r);
	}
	if (r->target != TARGET_NONE)
		return;
	sig_finding(c, s->in_manifest ? SEVERITY_WARNING : SEVERITY_ERROR,
		"sig.reference-missing", r->node,
		"What the reference '%s' is about was not found.", r->uri ? r->uri : "");
}
