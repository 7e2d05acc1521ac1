/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/judged.h"

#include "xml/c14n.h"

#include <errno.h>

/* Canonical form may be longer than what was sent: character references, namespaces. */
#define CANONICAL_MAX (4u * LIMIT_DOCUMENT)

/* Form in which the octets as sent and the octets as signed must be one: what a canonical
 * form drops on the way to the digest (comments, declarations that nothing uses) is
 * dropped from both, and nothing else may differ. */
static int canonical(xmlDoc *doc, struct buf *ret)
{
	return xml_canonicalize(
		doc, xmlDocGetRootElement(doc), NULL, 0, XML_C14N_EXCLUSIVE, NULL, ret);
}

/* Read signed octets as a document of their own.
 * Return: 1 the same document as sent, 0 not, negative undecided. */
static int read_signed(struct judged *j, const struct xades_signature *s,
	const struct buf *sent, xmlDoc **ret_doc)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int r = xml_read(span_of(s->signed_octets, s->signed_len), XML_READ_GATE,
		&j->findings, &doc);

	if (r <= 0)
		return r;
	document_strip_signatures(doc);
	/* Signed octets in the usual form are what was sent, and need no second pass. */
	if (span_equal(buf_span(sent), span_of(s->signed_octets, s->signed_len))) {
		*ret_doc = TAKE(doc);
		return 1;
	}
	buf_init(&text, CANONICAL_MAX);
	r = canonical(doc, &text);
	if (r < 0)
		return r;
	*ret_doc = TAKE(doc);
	return span_equal(buf_span(sent), buf_span(&text));
}

/* Every main signature that counts must be over this document and no other. */
static int judge_each(struct judged *j, const struct buf *sent)
{
	const struct xades_report *r = j->signatures;
	size_t whole = 0, main_count = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct xades_signature *s = &r->signatures[i];
		_cleanup_xml_doc_ xmlDoc *doc = NULL;
		int same;

		if (s->counter || !j->usable[i])
			continue;
		main_count++;
		if (!s->signed_octets)
			continue;
		same = read_signed(j, s, sent, &doc);
		if (same < 0)
			return same;
		whole += same == 1;
		if (same == 1 && !j->tree_signed) {
			xmlFreeDoc(j->tree);
			j->tree = TAKE(doc);
			j->tree_signed = true;
		}
	}
	if (main_count > 0 && whole == main_count)
		j->seen |= SEEN_WHOLE;
	else if (main_count > 0)
		findings_add(&j->findings, "sig.coverage", NULL, NULL,
			"What was signed is not all of what was sent.");
	return 0;
}

int judge_octets(struct judged *j)
{
	_cleanup_buf_ struct buf sent;
	int r;

	buf_init(&sent, CANONICAL_MAX);
	j->tree = TAKE(j->signatures->doc);
	document_strip_signatures(j->tree);
	r = canonical(j->tree, &sent);
	if (r == 0)
		r = judge_each(j, &sent);
	if (r != -E2BIG)
		return r;
	findings_add(&j->findings, "limit.resource", NULL, NULL, NULL);
	return 0;
}
