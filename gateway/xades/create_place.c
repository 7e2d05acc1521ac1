/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/draft.h"

#include <errno.h>

#define COUNTER_OPEN "<xades:CounterSignature xmlns:xades=\"" NS_XADES "\">"
#define COUNTER_CLOSE "</xades:CounterSignature>"
#define SIGNATURE_OPEN "<xades:UnsignedSignatureProperties xmlns:xades=\"" NS_XADES "\">"
#define SIGNATURE_CLOSE "</xades:UnsignedSignatureProperties>"
#define UNSIGNED_OPEN "<xades:UnsignedProperties xmlns:xades=\"" NS_XADES "\">"
#define UNSIGNED_CLOSE "</xades:UnsignedProperties>"

static const xmlNode *next_in_order(const xmlNode *n)
{
	const xmlNode *child = xml_child(n, NULL, NULL);

	for (; !child && n && n->type == XML_ELEMENT_NODE; n = n->parent)
		child = xml_next(n, NULL, NULL);
	return child;
}

static size_t order_of(const xmlDoc *doc, const xmlNode *wanted)
{
	size_t n = 0;

	for (const xmlNode *e = xmlDocGetRootElement(doc); e && e != wanted;
		e = next_in_order(e))
		n++;
	return n;
}

const xmlNode *draft_signature_number(const xmlDoc *doc, size_t index)
{
	for (const xmlNode *e = xmlDocGetRootElement(doc); e; e = next_in_order(e))
		if (xml_is(e, NS_DS, "Signature") && index-- == 0)
			return e;
	return NULL;
}

static const xmlNode *qualifying_of(const xmlNode *signature)
{
	for (const xmlNode *o = xml_child(signature, NS_DS, "Object"); o;
		o = xml_next(o, NS_DS, "Object")) {
		const xmlNode *q = sig_xades_child(o, "QualifyingProperties");

		if (q)
			return q;
	}
	return NULL;
}

/* The innermost of the unsigned properties that is there already. */
static const xmlNode *counter_parent(const xmlNode *q, struct xades_draft *d)
{
	const xmlNode *u = sig_xades_child(q, "UnsignedProperties");
	const xmlNode *s = sig_xades_child(u, "UnsignedSignatureProperties");

	if (s) {
		d->before = COUNTER_OPEN;
		d->after = COUNTER_CLOSE;
		return s;
	}
	if (u) {
		d->before = SIGNATURE_OPEN COUNTER_OPEN;
		d->after = COUNTER_CLOSE SIGNATURE_CLOSE;
		return xml_child(u, NULL, NULL) ? NULL : u;
	}
	d->before = UNSIGNED_OPEN SIGNATURE_OPEN COUNTER_OPEN;
	d->after = COUNTER_CLOSE SIGNATURE_CLOSE UNSIGNED_CLOSE;
	return q;
}

int draft_place(const struct xades_plan *plan, xmlDoc *doc, struct xades_draft *d,
	const char **ret_reason)
{
	const xmlNode *parent = xmlDocGetRootElement(doc);

	d->before = d->after = "";
	if (plan->place == XADES_COUNTER) {
		const xmlNode *main = draft_signature_number(doc, plan->counter_of);

		parent = main ? qualifying_of(main) : NULL;
		parent = parent ? counter_parent(parent, d) : NULL;
		*ret_reason =
			"There is no XAdES signature of that number to counter-sign.";
		if (!parent)
			return -EINVAL;
	}
	*ret_reason = "The element to sign in has no end tag.";
	return draft_end_of(plan->document, doc, parent, &d->at);
}

int draft_end_of(
	struct span text, const xmlDoc *doc, const xmlNode *element, size_t *ret_at)
{
	return end_tag_offset(text, order_of(doc, element), ret_at);
}
