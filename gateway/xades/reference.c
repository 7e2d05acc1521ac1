/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

#include <errno.h>

#define URI_ENVELOPED NS_DS "enveloped-signature"
#define URI_BASE64 NS_DS "base64"
#define URI_XPATH "http://www.w3.org/TR/1999/REC-xpath-19991116"

/* The namespace that the prefix before ":Signature" has at the node is that of ds. */
static bool prefix_is_ds(const xmlNode *node, const char *prefix, size_t len)
{
	_cleanup_(freep) char *name = strndup(prefix, len);
	const xmlNs *ns = NULL;
	xmlNode *at;

	memcpy(&at, &node, sizeof(at));
	if (name && len > 0)
		ns = xmlSearchNs(node->doc, at, (const xmlChar *)name);
	return ns && strcmp((const char *)ns->href, NS_DS) == 0;
}

/* True when text is exactly head, a prefix bound to ds, tail. */
static bool has_form(
	const xmlNode *node, const char *text, const char *head, const char *tail)
{
	size_t h = strlen(head), t = strlen(tail), len = strlen(text);

	if (len <= h + t || strncmp(text, head, h) != 0 ||
		strcmp(text + len - t, tail) != 0)
		return false;
	len -= h + t;
	return !memchr(text + h, ':', len) && prefix_is_ds(node, text + h, len);
}

/* <ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath>: recognised, never evaluated.
 */
static enum sig_step_kind xpath_form(const xmlNode *transform)
{
	const xmlNode *x = xml_child(transform, NULL, NULL);
	_cleanup_(freep) char *text = NULL;

	if (!xml_is(x, NS_DS, "XPath") || xml_next(x, NULL, NULL))
		return STEP_UNKNOWN;
	text = xml_text(x);
	if (text && strcmp(text, ".") == 0)
		return STEP_SAME;
	return text && has_form(x, text, "not(ancestor-or-self::", ":Signature)")
		       ? STEP_SUBTRACT
		       : STEP_UNKNOWN;
}

/* <XPath Filter="subtract">/descendant::ds:Signature</XPath> and the narrower form. */
static enum sig_step_kind filter2_form(const xmlNode *transform)
{
	const xmlNode *x = xml_child(transform, NULL, NULL);
	_cleanup_(freep) char *text = NULL, *filter = NULL;

	if (!xml_is(x, NS_FILTER2, "XPath") || xml_next(x, NULL, NULL))
		return STEP_UNKNOWN;
	filter = xml_attribute(x, "Filter");
	text = xml_text(x);
	if (!text || !filter || strcmp(filter, "subtract") != 0)
		return STEP_UNKNOWN;
	if (has_form(x, text, "/descendant::", ":Signature") ||
		has_form(x, text, "//", ":Signature"))
		return STEP_SUBTRACT;
	return has_form(x, text, "/*/", ":Signature") ? STEP_SUBTRACT_TOP : STEP_UNKNOWN;
}

static bool no_parameters(const xmlNode *transform)
{
	return !xml_child(transform, NULL, NULL);
}

static bool c14n_parameters(const xmlNode *transform, enum xml_c14n c14n)
{
	const xmlNode *x = xml_child(transform, NULL, NULL);

	if (!x)
		return true;
	return (c14n == XML_C14N_EXCLUSIVE || c14n == XML_C14N_EXCLUSIVE_COMMENTS) &&
	       xml_is(x, NS_EXC_C14N, "InclusiveNamespaces") && !xml_next(x, NULL, NULL);
}

static void read_step(const xmlNode *transform, struct sig_step *ret_step)
{
	_cleanup_(freep) char *uri = xml_attribute(transform, "Algorithm");

	*ret_step = (struct sig_step){ .node = transform, .c14n = xml_c14n_find(uri) };
	if (!uri)
		return;
	if (ret_step->c14n != XML_C14N_NONE && c14n_parameters(transform, ret_step->c14n))
		ret_step->kind = STEP_C14N;
	else if (strcmp(uri, URI_ENVELOPED) == 0 && no_parameters(transform))
		ret_step->kind = STEP_ENVELOPED;
	else if (strcmp(uri, URI_BASE64) == 0 && no_parameters(transform))
		ret_step->kind = STEP_BASE64;
	else if (strcmp(uri, URI_XPATH) == 0)
		ret_step->kind = xpath_form(transform);
	else if (strcmp(uri, NS_FILTER2) == 0)
		ret_step->kind = filter2_form(transform);
}

static bool makes_octets(const struct sig_step *step)
{
	return step->kind == STEP_C14N || step->kind == STEP_BASE64;
}

/* Steps that subtract, then at most one that makes octets. */
static bool steps_in_order(const struct sig_reference *r)
{
	for (size_t i = 0; i + 1 < r->step_count; i++)
		if (makes_octets(&r->steps[i]))
			return false;
	return true;
}

static void read_steps(struct sig_context *c, struct sig_reference *r)
{
	const xmlNode *list = xml_child(r->node, NS_DS, "Transforms");

	r->steps_allowed = true;
	for (const xmlNode *t = xml_child(list, NULL, NULL); t;
		t = xml_next(t, NULL, NULL)) {
		struct sig_step *step = &r->steps[r->step_count];

		if (r->step_count == SIG_STEPS_MAX) {
			sig_finding(c, SEVERITY_ERROR, "sig.transform", list,
				"There are more than %u transforms.", SIG_STEPS_MAX);
			r->steps_allowed = false;
			return;
		}
		read_step(t, step);
		r->step_count++;
		if (step->kind == STEP_UNKNOWN || !xml_is(t, NS_DS, "Transform")) {
			_cleanup_(freep) char *uri = xml_attribute(t, "Algorithm");

			sig_finding(c, SEVERITY_ERROR, "sig.transform", t,
				"The transform '%s' is not allowed in this form.",
				uri ? uri : "");
			r->steps_allowed = false;
		}
	}
	if (!steps_in_order(r)) {
		sig_finding(c, SEVERITY_ERROR, "sig.transform", list,
			"A transform follows one that has made octets.");
		r->steps_allowed = false;
	}
}

static int read_digest(struct sig_context *c, struct sig *s, struct sig_reference *r)
{
	const xmlNode *method = xml_child(r->node, NS_DS, "DigestMethod");
	const xmlNode *value = xml_child(r->node, NS_DS, "DigestValue");
	_cleanup_(freep) char *uri = xml_attribute(method, "Algorithm");
	_cleanup_(freep) char *text = xml_text(value);
	_cleanup_(freep) uint8_t *octets = NULL;
	int d;

	r->digest = digest_method_find(uri);
	if (!method || !value || !text) {
		sig_malformed(c, s, r->node, "A ds:Reference has no digest.");
		return 0;
	}
	if (!r->digest)
		sig_finding(c, SEVERITY_ERROR, "sig.algorithm", method,
			"The digest method '%s' is not allowed.", uri ? uri : "");
	d = base64_decode(span_str(text), &octets, &r->value_len);
	if (d == -ENOMEM)
		return d;
	if (d < 0 || r->value_len > sizeof(r->value)) {
		r->value_len = 0; /* never equal to a digest */
		return 0;
	}
	memcpy(r->value, octets, r->value_len);
	return 0;
}

static int read_reference(struct sig_context *c, struct sig *s, const xmlNode *node,
	struct sig_reference *r)
{
	*r = (struct sig_reference){ .node = node };
	r->id = xml_attribute(node, "Id");
	r->uri = xml_attribute(node, "URI");
	r->type = xml_attribute(node, "Type");
	read_steps(c, r);
	return read_digest(c, s, r);
}

int sig_references_read(struct sig_context *c, struct sig *s, const xmlNode *parent,
	struct sig_reference **ret_list, size_t *ret_count)
{
	size_t n = xml_count(parent, NS_DS, "Reference");
	size_t max = c->options->profile == XADES_GATE ? SIG_GATE_REFERENCES_MAX
						       : SIG_REFERENCES_MAX;
	struct sig_reference *list;
	size_t i = 0;

	if (n == 0)
		return 0;
	if (n > max) {
		sig_malformed(c, s, parent, "There are too many ds:Reference elements.");
		return 0;
	}
	list = calloc(n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*ret_list = list;
	*ret_count = n;
	for (const xmlNode *x = xml_child(parent, NS_DS, "Reference"); x;
		x = xml_next(x, NS_DS, "Reference")) {
		int r = read_reference(c, s, x, &list[i++]);

		if (r < 0)
			return r;
	}
	return 0;
}

void sig_references_free(struct sig_reference *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].id);
		free(list[i].uri);
		free(list[i].type);
	}
	free(list);
}
