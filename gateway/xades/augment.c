/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/augment.h"

#include "common/clock.h"
#include "common/encode.h"
#include "xades/augment_data.h"
#include "xades/draft.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define UNSIGNED_OPEN "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
#define UNSIGNED_CLOSE "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"

/* A file while it is looked at. */
struct work {
	const struct xades_augment_plan *plan;
	struct sig_context context;
	struct xades_report *report;
	size_t index;
	const struct sig *sig;
	char **ret_reason;
};

struct xades_stamp {
	struct buf text;
	size_t at; /* where the token's text goes */
	enum xades_stamp_kind kind;
	struct xades_augment_plan plan;
	char *id;
};

__attribute__((format(printf, 2, 3))) static int refuse(
	char **ret_reason, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(ret_reason, format, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : 0;
}

static void work_done(struct work *w)
{
	sig_context_done(&w->context);
	xades_report_free(w->report);
}

/* Everything below is written with these two prefixes, as the library writes them. */
static bool has_prefix(const struct work *w, const char *prefix, const char *ns)
{
	xmlNode *node;
	const xmlNs *found;

	memcpy(&node, &w->sig->qualifying, sizeof(node));
	found = xmlSearchNs(w->report->doc, node, (const xmlChar *)prefix);
	return found && found->href && strcmp((const char *)found->href, ns) == 0;
}

static int find_signature(struct work *w)
{
	const struct xades_report *report = w->report;

	for (w->index = 0; w->index < report->count; w->index++)
		if (report->signatures[w->index].id &&
			strcmp(report->signatures[w->index].id, w->plan->id) == 0)
			break;
	if (w->index == report->count)
		return refuse(w->ret_reason,
			"There is no signature with the identifier %s.", w->plan->id);
	w->sig = &w->context.parsed[w->index];
	if (!w->sig->qualifying || !has_prefix(w, "xades", NS_XADES) ||
		!has_prefix(w, "ds", NS_DS))
		return refuse(w->ret_reason,
			"The signature is not written as the ones that are made here.");
	return 1;
}

/* Read and validate; the signature must pass as it is. */
static int work_open(
	struct work *w, const struct xades_augment_plan *plan, char **ret_reason)
{
	const struct xades_signature *s;
	int r;

	*ret_reason = NULL;
	*w = (struct work){ .plan = plan, .ret_reason = ret_reason };
	w->report = calloc(1, sizeof(*w->report));
	if (!w->report)
		return -ENOMEM;
	w->context.options = plan->options;
	w->context.report = w->report;
	r = sig_context_open(plan->file, &w->context);
	if (r == 0)
		r = find_signature(w);
	if (r <= 0)
		return r;
	s = &w->report->signatures[w->index];
	if (s->indication != XADES_TOTAL_PASSED)
		return refuse(ret_reason, "The signature does not pass as it is: %s %s.",
			xades_indication_text(s->indication), s->sub_indication);
	return 1;
}

/* Append the file with text at the end of the signature's unsigned properties; *ret_at:
 * where the text begins. */
static int splice(const struct work *w, struct span text, struct buf *ret, size_t *ret_at)
{
	const xmlNode *unsigned_properties = w->sig->unsigned_properties;
	const xmlNode *parent =
		sig_xades_child(unsigned_properties, "UnsignedSignatureProperties");
	bool fresh = !unsigned_properties;
	struct span file = w->plan->file;
	size_t at;
	int r;

	if (fresh)
		parent = w->sig->qualifying;
	if (!parent)
		return -EINVAL;
	r = draft_end_of(file, w->report->doc, parent, &at);
	if (r < 0)
		return r;
	buf_add(ret, file.data, at);
	if (fresh)
		buf_add_str(ret, UNSIGNED_OPEN);
	*ret_at = ret->len;
	buf_add_span(ret, text);
	if (fresh)
		buf_add_str(ret, UNSIGNED_CLOSE);
	return buf_add(ret, file.data + at, file.len - at);
}

/* Validate with nothing but the anchors: what was put in must be enough. */
static int check_result(
	const struct xades_augment_plan *plan, struct span file, char **ret_reason)
{
	_cleanup_(pki_material_freep) struct pki_material *alone =
		pki_material_with_anchors_of(plan->options->material);
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	struct xades_options options = *plan->options;
	int r;

	options.material = alone;
	r = alone ? xades_validate(file, &options, &report) : -ENOMEM;
	if (r < 0)
		return r;
	for (size_t i = 0; i < report->count; i++) {
		const struct xades_signature *s = &report->signatures[i];

		if (!s->id || strcmp(s->id, plan->id) != 0)
			continue;
		if (s->indication == XADES_TOTAL_PASSED &&
			strcmp(s->level, "XAdES-BASELINE-LT") == 0)
			return 1;
		return refuse(ret_reason,
			"With what was added the signature is %s %s of level %s.",
			xades_indication_text(s->indication), s->sub_indication,
			s->level);
	}
	return refuse(ret_reason, "The signature is not found again.");
}

/* Level LT -------------------------------------------------------------------------- */

int xades_add_validation_data(
	const struct xades_augment_plan *plan, struct buf *ret, char **ret_reason)
{
	_cleanup_buf_ struct buf text, file;
	struct work w;
	size_t at;
	int r = work_open(&w, plan, ret_reason);

	buf_init(&text, DRAFT_MAX);
	buf_init(&file, DRAFT_MAX);
	if (r > 0)
		r = augment_values(&w.context, w.sig, plan, &text, ret_reason);
	if (r > 0 && text.len == 0)
		r = refuse(ret_reason, "The signature has all of it already.");
	if (r > 0) {
		r = splice(&w, buf_span(&text), &file, &at);
		r = r < 0 ? r : 1;
	}
	if (r > 0)
		r = check_result(plan, buf_span(&file), ret_reason);
	work_done(&w);
	if (r > 0 && buf_add_span(ret, buf_span(&file)) < 0)
		return ret->error;
	return r;
}

/* Levels T and LTA ------------------------------------------------------------------ */

static size_t count_of(const struct sig *s, enum sig_token_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->token_count; i++)
		n += s->tokens[i].kind == kind;
	return n;
}

/* The property with no token in it. *ret_token: where that goes in text. */
static void add_property(const struct work *w, enum xades_stamp_kind kind,
	struct buf *text, size_t *ret_token)
{
	bool archive = kind == XADES_STAMP_ARCHIVE;
	size_t n = count_of(w->sig, archive ? TOKEN_ARCHIVE : TOKEN_SIGNATURE) + 1;

	buf_addf(text,
		archive ? "<xades141:ArchiveTimeStamp xmlns:xades141=\"%s\" "
			: "<xades:SignatureTimeStamp%.0s ",
		NS_XADES141);
	buf_addf(text,
		"Id=\"%s-%s-%zu\"><ds:CanonicalizationMethod Algorithm=\"%s\"/>"
		"<xades:EncapsulatedTimeStamp>",
		archive ? "ats" : "ts", w->plan->id, n, xml_c14n_uri(XML_C14N_EXCLUSIVE));
	*ret_token = text->len;
	buf_add_str(text, "</xades:EncapsulatedTimeStamp>");
	buf_add_str(text,
		archive ? "</xades141:ArchiveTimeStamp>" : "</xades:SignatureTimeStamp>");
}

/* Imprint of the last time-stamp of the kind in a file: of the one without a token. */
static int imprint(const struct xades_augment_plan *plan, enum xades_stamp_kind kind,
	struct span file, struct buf *ret_octets, char **ret_reason)
{
	struct xades_augment_plan with = *plan;
	enum sig_token_kind wanted =
		kind == XADES_STAMP_ARCHIVE ? TOKEN_ARCHIVE : TOKEN_SIGNATURE;
	const struct sig_token *found = NULL;
	struct work w;
	int r;

	with.file = file;
	r = work_open(&w, &with, ret_reason);
	for (size_t i = 0; r > 0 && i < w.sig->token_count; i++)
		if (w.sig->tokens[i].kind == wanted)
			found = &w.sig->tokens[i];
	if (r > 0) {
		r = found ? sig_imprint(&w.context, w.sig, found, ret_octets) : -EINVAL;
		r = r == -EBADMSG ? refuse(ret_reason, "What is signed is not all there.")
				  : (r < 0 ? r : 1);
	}
	work_done(&w);
	return r;
}

static int check_place(const struct work *w, enum xades_stamp_kind kind)
{
	if (kind == XADES_STAMP_SIGNATURE)
		return w->sig->token_count == 0
			       ? 1
			       : refuse(w->ret_reason, "It has a time-stamp already.");
	if (strcmp(w->report->signatures[w->index].level, "XAdES-BASELINE-LT") == 0 ||
		strcmp(w->report->signatures[w->index].level, "XAdES-BASELINE-LTA") == 0)
		return 1;
	return refuse(w->ret_reason, "The signature is of level %s, not of LT.",
		w->report->signatures[w->index].level);
}

static int write_pending(
	const struct xades_augment_plan *plan, struct xades_stamp *s, char **ret_reason)
{
	_cleanup_buf_ struct buf text;
	struct work w;
	size_t token = 0, at = 0;
	int r = work_open(&w, plan, ret_reason);

	buf_init(&text, DRAFT_MAX);
	if (r > 0)
		r = check_place(&w, s->kind);
	if (r > 0 && s->kind == XADES_STAMP_ARCHIVE)
		r = augment_stamp_values(&w.context, w.sig, plan, &text, ret_reason);
	if (r > 0) {
		add_property(&w, s->kind, &text, &token);
		r = splice(&w, buf_span(&text), &s->text, &at);
		r = r < 0 ? r : 1;
	}
	work_done(&w);
	s->at = at + token;
	return r;
}

int xades_stamp_prepare(const struct xades_augment_plan *plan, enum xades_stamp_kind kind,
	struct xades_stamp **ret_stamp, struct buf *ret_octets, char **ret_reason)
{
	_cleanup_(xades_stamp_freep) struct xades_stamp *s = calloc(1, sizeof(*s));
	int r;

	*ret_reason = NULL;
	if (!s)
		return -ENOMEM;
	buf_init(&s->text, DRAFT_MAX);
	s->kind = kind;
	s->plan = *plan;
	s->id = strdup(plan->id);
	if (!s->id)
		return -ENOMEM;
	s->plan.id = s->id;
	r = write_pending(plan, s, ret_reason);
	if (r > 0)
		r = imprint(plan, kind, buf_span(&s->text), ret_octets, ret_reason);
	if (r > 0)
		*ret_stamp = TAKE(s);
	return r;
}

void xades_stamp_free(struct xades_stamp *s)
{
	if (!s)
		return;
	buf_done(&s->text);
	free(s->id);
	free(s);
}

/* The signature passes with every time-stamp in it. */
static int check_stamped(
	const struct xades_stamp *stamp, int64_t at, struct span file, char **ret_reason)
{
	struct xades_options options = *stamp->plan.options;
	struct xades_augment_plan plan = stamp->plan;
	struct work w;
	int r;

	options.at = at;
	plan.options = &options;
	plan.file = file;
	r = work_open(&w, &plan, ret_reason);
	for (size_t i = 0; r > 0 && i < w.sig->token_count; i++)
		if (!w.sig->tokens[i].passed)
			r = refuse(ret_reason, "A time-stamp does not pass: %s.",
				w.sig->tokens[i].sub);
	work_done(&w);
	return r;
}

int xades_stamp_finish(const struct xades_stamp *s, struct span token, int64_t at,
	struct buf *ret, char **ret_reason)
{
	_cleanup_(freep) char *text = base64_encode(token);
	_cleanup_buf_ struct buf file;
	int r;

	*ret_reason = NULL;
	buf_init(&file, DRAFT_MAX);
	if (!text)
		return -ENOMEM;
	buf_add(&file, s->text.data, s->at);
	buf_add_str(&file, text);
	buf_add(&file, s->text.data + s->at, s->text.len - s->at);
	if (file.error)
		return file.error;
	r = check_stamped(s, at, buf_span(&file), ret_reason);
	if (r > 0 && buf_add_span(ret, buf_span(&file)) < 0)
		return ret->error;
	return r;
}
