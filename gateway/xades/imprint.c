/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <errno.h>

struct imprint {
	struct sig_context *c;
	const struct sig *s;
	const struct sig_token *t;
	enum xml_c14n c14n;
	const xmlNode *method;
	struct buf *out;
};

static int add(const struct imprint *i, const xmlNode *element)
{
	if (!element)
		return 0;
	if (sig_spend(i->c, SIG_WORK_REFERENCE) < 0)
		return -EDQUOT;
	return sig_canonicalize(
		i->c->report->doc, element, i->c14n, i->method, i->c->work, i->out);
}

static int add_reference(const struct imprint *i, const struct sig_reference *r)
{
	return sig_reference_octets(i->c, i->s, r, i->c14n, i->out);
}

static int add_all_references(const struct imprint *i, bool with_properties)
{
	for (size_t n = 0; n < i->s->reference_count; n++) {
		const struct sig_reference *r = &i->s->references[n];
		int e = r->is_properties && !with_properties ? 0 : add_reference(i, r);

		if (e < 0)
			return e;
	}
	return 0;
}

/* The references that xades:Include elements name by their Id. */
static int add_included(const struct imprint *i)
{
	for (const xmlNode *n = xml_child(i->t->property, NULL, NULL); n;
		n = xml_next(n, NULL, NULL)) {
		_cleanup_(freep) char *uri = NULL;
		int e = -EBADMSG;

		if (!sig_is_xades(n, "Include"))
			continue;
		uri = xml_attribute(n, "URI");
		for (size_t k = 0; uri && uri[0] == '#' && k < i->s->reference_count;
			k++) {
			const struct sig_reference *r = &i->s->references[k];

			if (r->id && strcmp(r->id, uri + 1) == 0)
				e = add_reference(i, r);
		}
		if (e < 0)
			return e;
	}
	return 0;
}

static bool is_refs(const xmlNode *n)
{
	static const char *const NAMES[] = { "CompleteCertificateRefs",
		"CompleteRevocationRefs", "AttributeCertificateRefs",
		"AttributeRevocationRefs", "CompleteCertificateRefsV2",
		"AttributeCertificateRefsV2" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (sig_is_xades(n, NAMES[i]))
			return true;
	return false;
}

/* Unsigned properties before this one that the kind of time-stamp covers. */
static bool covers(enum sig_token_kind kind, const xmlNode *n)
{
	switch (kind) {
	case TOKEN_SIG_AND_REFS:
		return sig_is_xades(n, "SignatureTimeStamp") || is_refs(n);
	case TOKEN_REFS_ONLY:
		return is_refs(n);
	case TOKEN_ARCHIVE:
		return true;
	case TOKEN_SIGNATURE:
	case TOKEN_ALL_DATA:
	case TOKEN_INDIVIDUAL_DATA:
	default:
		return false;
	}
}

static int add_properties_before(const struct imprint *i)
{
	for (const xmlNode *n = sig_unsigned_first(i->s); n && n != i->t->property;
		n = xml_next(n, NULL, NULL)) {
		int e = covers(i->t->kind, n) ? add(i, n) : 0;

		if (e < 0)
			return e;
	}
	return 0;
}

static bool referenced(const struct sig *s, const xmlNode *object)
{
	for (size_t i = 0; i < s->reference_count; i++)
		if (s->references[i].element == object)
			return true;
	return false;
}

/* Objects other than the one with the properties; the first version of the archive
 * time-stamp leaves out those that are signed, too. */
static int add_objects(const struct imprint *i)
{
	bool old = strcmp((const char *)i->t->property->ns->href, NS_XADES141) != 0;

	for (const xmlNode *o = xml_child(i->s->node, NS_DS, "Object"); o;
		o = xml_next(o, NS_DS, "Object")) {
		int e;

		if (i->s->qualifying->parent == o || (old && referenced(i->s, o)))
			continue;
		e = add(i, o);
		if (e < 0)
			return e;
	}
	return 0;
}

static int add_archive(const struct imprint *i)
{
	int e = add_all_references(i, true);

	if (e == 0)
		e = add(i, i->s->signed_info);
	if (e == 0)
		e = add(i, i->s->value);
	if (e == 0)
		e = add(i, i->s->key_info);
	if (e == 0)
		e = add_properties_before(i);
	return e == 0 ? add_objects(i) : e;
}

int sig_imprint(struct sig_context *c, const struct sig *s, const struct sig_token *t,
	struct buf *ret)
{
	struct imprint i = { .c = c, .s = s, .t = t, .c14n = XML_C14N_10, .out = ret };
	_cleanup_(freep) char *uri = NULL;
	int e;

	i.method = xml_child(t->property, NS_DS, "CanonicalizationMethod");
	uri = xml_attribute(i.method, "Algorithm");
	if (uri)
		i.c14n = xml_c14n_find(uri);
	if (i.c14n == XML_C14N_NONE)
		return -EBADMSG;
	switch (t->kind) {
	case TOKEN_SIGNATURE:
		return add(&i, s->value);
	case TOKEN_ALL_DATA:
		return add_all_references(&i, false);
	case TOKEN_INDIVIDUAL_DATA:
		return add_included(&i);
	case TOKEN_SIG_AND_REFS:
		e = add(&i, s->value);
		return e == 0 ? add_properties_before(&i) : e;
	case TOKEN_REFS_ONLY:
		return add_properties_before(&i);
	case TOKEN_ARCHIVE:
		return add_archive(&i);
	default:
		return -EBADMSG;
	}
}
