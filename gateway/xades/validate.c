/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/validate.h"

#include "xades/signature.h"
#include "xml/legacy.h"

#include <errno.h>
#include <stdio.h>

int xades_setup(void)
{
	int r = sig_transform_setup();

	if (r == 0)
		r = catalogue_setup();
	if (r == 0)
		r = rules_setup();
	if (r == 0)
		xml_setup();
	return r;
}

static const xmlNode *next_element(const xmlNode *n)
{
	const xmlNode *child = xml_child(n, NULL, NULL);

	if (child)
		return child;
	for (; n && n->type == XML_ELEMENT_NODE; n = n->parent) {
		const xmlNode *next = xml_next(n, NULL, NULL);

		if (next)
			return next;
	}
	return NULL;
}

static void find_signatures(struct sig_context *c)
{
	size_t max = c->options->profile == XADES_GATE ? LIMIT_SIGNATURES : SIG_MAX;

	for (const xmlNode *n = xmlDocGetRootElement(c->report->doc); n;
		n = next_element(n)) {
		if (!xml_is(n, NS_DS, "Signature"))
			continue;
		if (c->count == max) {
			c->too_many = true;
			findings_add(
				&c->report->findings, "sig.too-many", NULL, NULL, NULL);
			return;
		}
		c->signatures[c->count++] = n;
	}
}

bool sig_nested(const struct sig_context *c, const xmlNode *signature)
{
	for (const xmlNode *n = signature->parent; n; n = n->parent)
		for (size_t i = 0; i < c->count; i++)
			if (c->signatures[i] == n)
				return true;
	return false;
}

/* A counter-signature is at Signature/Object/QualifyingProperties/UnsignedProperties/
 * UnsignedSignatureProperties/CounterSignature. */
static void find_role(const struct sig_context *c, struct sig *s)
{
	static const char *const NAMES[] = { "CounterSignature",
		"UnsignedSignatureProperties", "UnsignedProperties",
		"QualifyingProperties" };
	const xmlNode *n = s->node->parent;

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (!sig_is_xades(n, NAMES[i]))
			return;
		n = n->parent;
	}
	if (!xml_is(n, NS_DS, "Object"))
		return;
	for (size_t i = 0; i < s->index; i++)
		if (c->signatures[i] == n->parent) {
			s->counter = true;
			s->parent = i;
		}
}

static int validate_one(struct sig_context *c, struct sig *s)
{
	int r;

	s->errors_before = c->report->findings.errors;
	find_role(c, s);
	r = sig_read(c, s);
	if (r < 0)
		return r;
	if (s->malformed)
		return sig_process(c, s);
	sig_properties_read(c, s);
	sig_references_resolve(c, s);
	r = sig_key_info(c, s);
	if (r == 0)
		r = sig_identify(c, s);
	if (r == 0)
		r = sig_references_check(c, s);
	if (r == 0)
		r = sig_verify_value(c, s);
	if (r == 0 && !c->options->core_only)
		r = sig_timestamps(c, s);
	return r == 0 ? sig_process(c, s) : r;
}

static int validate_all(struct sig_context *c)
{
	struct xades_report *report = c->report;
	int r = sig_ids_collect(report->doc, &c->ids);

	if (r == 0)
		r = sig_material(c);
	if (r < 0)
		return r;
	c->parsed = calloc(c->count, sizeof(*c->parsed));
	report->signatures = calloc(c->count, sizeof(*report->signatures));
	if (!c->parsed || !report->signatures)
		return -ENOMEM;
	report->count = c->count;
	for (size_t i = 0; i < c->count; i++) {
		struct sig *s = &c->parsed[i];
		struct xades_signature *ret = &report->signatures[i];

		s->index = i;
		s->node = ret->element = c->signatures[i];
		r = validate_one(c, s);
		if (r < 0)
			return r;
		ret->id = TAKE(s->id);
		ret->counter = s->counter;
		ret->parent = s->parent;
	}
	return 0;
}

static void conclude(
	struct xades_report *report, enum xades_indication indication, const char *sub)
{
	report->indication = indication;
	(void)snprintf(report->sub_indication, sizeof(report->sub_indication), "%s", sub);
}

/* The worst of all: FAILED, then INDETERMINATE; an undecided one makes all undecided. */
static int conclude_worst(struct xades_report *report)
{
	const struct xades_signature *worst = &report->signatures[0];

	for (size_t i = 0; i < report->count; i++) {
		const struct xades_signature *s = &report->signatures[i];

		if (s->indication == XADES_UNDECIDED)
			return -EPROTO;
		if (s->indication < worst->indication)
			worst = s;
	}
	conclude(report, worst->indication, worst->sub_indication);
	return 0;
}

static int validate(struct sig_context *c)
{
	int r;

	find_signatures(c);
	if (c->count == 0) {
		findings_add(&c->report->findings, "sig.none", NULL, NULL, NULL);
		conclude(c->report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
		return 0;
	}
	if (c->too_many) {
		c->count = 0;
		conclude(c->report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
		return 0;
	}
	r = validate_all(c);
	return r < 0 ? r : conclude_worst(c->report);
}

void sig_context_done(struct sig_context *c)
{
	for (size_t i = 0; c->parsed && i < c->count; i++)
		sig_done(&c->parsed[i]);
	free(c->parsed);
	sig_ids_done(&c->ids);
	pki_material_free(c->material);
	pki_material_free(c->embedded);
}

int sig_context_open(struct span data, struct sig_context *c)
{
	struct xades_report *report = c->report;
	int r = c->options->profile == XADES_EIDAS
			? legacy_read(data, &report->findings, &report->doc)
			: xml_read(data, XML_READ_GATE, &report->findings, &report->doc);

	if (r == 0)
		conclude(report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	return r > 0 ? validate(c) : r;
}

/* Whatever was found so far does not count: the report says what it costs. */
static int refuse_work(struct xades_report **report)
{
	xades_report_free(*report);
	*report = calloc(1, sizeof(**report));
	if (!*report)
		return -ENOMEM;
	findings_add(&(*report)->findings, "limit.resource", NULL, NULL, NULL);
	conclude(*report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	return 0;
}

int xades_validate(struct span data, const struct xades_options *options,
	struct xades_report **ret_report)
{
	uint64_t work = SIG_WORK_MAX;

	return sig_validate_within(data, options, &work, ret_report);
}

int sig_validate_within(struct span data, const struct xades_options *options,
	uint64_t *work, struct xades_report **ret_report)
{
	_cleanup_(xades_report_freep) struct xades_report *report =
		calloc(1, sizeof(*report));
	struct sig_context c = { .options = options, .report = report, .work = work };
	int r;

	if (!report)
		return -ENOMEM;
	r = sig_context_open(data, &c);
	report->material = TAKE(c.material);
	sig_context_done(&c);
	if (r == -EDQUOT)
		r = refuse_work(&report);
	if (r < 0)
		return r;
	if (report->findings.out_of_memory)
		return -ENOMEM;
	*ret_report = TAKE(report);
	return 0;
}
