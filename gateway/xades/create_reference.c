/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/draft.h"

#include "common/encode.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define EXCLUSIVE "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"
#define FORM_ENVELOPED                                                                   \
	"<ds:Transforms><ds:Transform Algorithm=\"" NS_DS                                \
	"enveloped-signature\"/>" EXCLUSIVE "</ds:Transforms>"
#define FORM_PARALLEL                                                                    \
	"<ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/TR/1999/"            \
	"REC-xpath-19991116\"><ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>"  \
	"</ds:Transform>" EXCLUSIVE "</ds:Transforms>"
#define FORM_PLAIN "<ds:Transforms>" EXCLUSIVE "</ds:Transforms>"

static int digest_base64(
	const struct xades_draft *d, struct span octets, char *ret_text, size_t size)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t len = 0;
	_cleanup_(freep) char *text = NULL;

	if (EVP_Q_digest(
		    NULL, d->digest->name, NULL, octets.data, octets.len, md, &len) != 1)
		return -EIO;
	text = base64_encode(span_of(md, len));
	if (!text)
		return -ENOMEM;
	(void)snprintf(ret_text, size, "%s", text);
	return 0;
}

/* A file name as a relative reference (RFC 3986): what is not unreserved is encoded. */
static char *percent_encode(const char *name)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, 4096);
	for (; *name; name++)
		if (isalnum((unsigned char)*name) || strchr("-._~/", *name))
			buf_add(&b, name, 1);
		else
			buf_addf(&b, "%%%02X", (unsigned int)(unsigned char)*name);
	return buf_take(&b, NULL);
}

static int add_objects(const struct xades_plan *plan, struct xades_draft *d)
{
	for (size_t i = 0; i < plan->object_count; i++) {
		struct draft_reference *r = &d->references[d->reference_count++];
		int e;

		*r = (struct draft_reference){ .form = "",
			.format = true,
			.mime_type = plan->objects[i].mime_type };
		r->uri = percent_encode(plan->objects[i].name);
		e = digest_base64(d, plan->objects[i].data, r->digest, sizeof(r->digest));
		if (e < 0 || !r->uri)
			return e < 0 ? e : -ENOMEM;
	}
	return 0;
}

/* The reference over the value of another signature. */
static int add_counter(const struct xades_plan *plan, const xmlDoc *doc,
	struct xades_draft *d, const char **ret_reason)
{
	struct draft_reference *r = &d->references[d->reference_count++];
	const xmlNode *main = draft_signature_number(doc, plan->counter_of);
	_cleanup_(freep) char *id =
		xml_attribute(xml_child(main, NS_DS, "SignatureValue"), "Id");

	*r = (struct draft_reference){ .form = FORM_PLAIN };
	*ret_reason = "The ds:SignatureValue to counter-sign has no Id.";
	if (!id)
		return -EINVAL;
	r->type = strdup(TYPE_COUNTERSIGNED);
	return asprintf(&r->uri, "#%s", id) < 0 || !r->type ? -ENOMEM : 0;
}

static int add_document(const struct xades_plan *plan, struct xades_draft *d)
{
	struct draft_reference *r = &d->references[d->reference_count++];

	*r = (struct draft_reference){ .format = true };
	r->form = plan->place == XADES_PARALLEL ? FORM_PARALLEL : FORM_ENVELOPED;
	r->mime_type = plan->mime_type ? plan->mime_type : "text/xml";
	r->uri = strdup("");
	return r->uri ? 0 : -ENOMEM;
}

static int add_properties(struct xades_draft *d)
{
	struct draft_reference *r = &d->references[d->reference_count++];

	*r = (struct draft_reference){ .form = FORM_PLAIN, .is_properties = true };
	r->type = strdup(TYPE_SIGNED_PROPERTIES);
	return asprintf(&r->uri, "#xades-%s", d->id) < 0 || !r->type ? -ENOMEM : 0;
}

int draft_references(const struct xades_plan *plan, xmlDoc *doc, struct xades_draft *d,
	const char **ret_reason)
{
	int e;

	d->references = calloc(plan->object_count + 2, sizeof(*d->references));
	if (!d->references)
		return -ENOMEM;
	if (plan->place == XADES_DETACHED)
		e = add_objects(plan, d);
	else if (plan->place == XADES_COUNTER)
		e = add_counter(plan, doc, d, ret_reason);
	else
		e = add_document(plan, d);
	return e < 0 ? e : add_properties(d);
}

static bool below_signature(const xmlNode *n)
{
	for (n = n->parent; n; n = n->parent)
		if (xml_is(n, NS_DS, "Signature"))
			return true;
	return false;
}

/* Every ds:Signature that is not inside another. */
static size_t outermost(const xmlDoc *doc, const xmlNode **list, size_t max)
{
	size_t n = 0, i = 0;

	for (const xmlNode *s; n < max && (s = draft_signature_number(doc, i)); i++)
		if (!below_signature(s))
			list[n++] = s;
	return n;
}

static int reference_octets(
	const struct xades_draft *d, const struct draft_reference *r, struct buf *octets)
{
	const struct sig_step step = { .kind = STEP_C14N, .c14n = XML_C14N_EXCLUSIVE };
	const xmlNode *omit[SIG_MAX], *apex = NULL;
	struct sig_ids ids;
	bool ambiguous = false;
	size_t n = 0;
	int e;

	if (*r->uri == '\0') {
		n = d->place == XADES_PARALLEL ? outermost(d->doc, omit, SIG_MAX) : 1;
		if (d->place != XADES_PARALLEL)
			omit[0] = d->signature;
	} else {
		e = sig_ids_collect(d->doc, &ids);
		if (e < 0)
			return e;
		apex = sig_ids_find(&ids, r->uri + 1, &ambiguous);
		sig_ids_done(&ids);
		if (!apex || ambiguous)
			return -EINVAL;
	}
	e = sig_transform(
		d->doc, apex, false, omit, n, &step, 1, step.c14n, NULL, octets);
	return e == -EBADMSG ? -EINVAL : e;
}

static void set_text(const xmlNode *parent, const char *text)
{
	xmlNode *node;

	memcpy(&node, &parent, sizeof(node));
	xmlNodeSetContent(node, (const xmlChar *)text);
}

int draft_digests(struct xades_draft *d)
{
	const xmlNode *n = xml_child(
		xml_child(d->signature, NS_DS, "SignedInfo"), NS_DS, "Reference");

	for (size_t i = 0; i < d->reference_count;
		i++, n = xml_next(n, NS_DS, "Reference")) {
		struct draft_reference *r = &d->references[i];
		_cleanup_buf_ struct buf octets;
		int e;

		buf_init(&octets, SIG_CANONICAL_MAX);
		if (*r->form) {
			e = reference_octets(d, r, &octets);
			if (e == 0)
				e = digest_base64(d, buf_span(&octets), r->digest,
					sizeof(r->digest));
			if (e < 0)
				return e;
		}
		set_text(xml_child(n, NS_DS, "DigestValue"), r->digest);
	}
	return 0;
}
