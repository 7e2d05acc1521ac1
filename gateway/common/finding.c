/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/finding.h"

#include "common/json.h"
#include "common/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RECEIVED_MAX 200

static const struct reason REASONS[] = {
#define REASON(code, status, sentence, clause, fix)                                      \
	{ code, status, sentence, clause, fix },
#include "common/reasons.def"
#undef REASON
};

#define REASON_COUNT (sizeof(REASONS) / sizeof(REASONS[0]))

const struct reason *reason_find(const char *code)
{
	for (size_t i = 0; i < REASON_COUNT; i++)
		if (strcmp(REASONS[i].code, code) == 0)
			return &REASONS[i];
	return NULL;
}

static void finding_done(struct finding *f)
{
	free(f->where);
	free(f->received);
	free(f->message);
	free(f->rule);
	free(f->fix);
	free(f->clause);
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		finding_done(&f->list[i]);
	free(f->list);
	*f = (struct findings){ 0 };
}

/* Room for one more, or NULL: the count of errors has been kept either way. */
static struct finding *next_slot(struct findings *f, enum severity severity)
{
	if (severity == SEVERITY_ERROR)
		f->errors++;
	if (f->count >= LIMIT_FINDINGS) {
		f->dropped++;
		return NULL;
	}
	if ((f->count & (f->count - 1)) == 0) {
		size_t size = f->count ? f->count * 2 : 1;
		struct finding *list = realloc(f->list, size * sizeof(*list));

		if (!list) {
			f->out_of_memory = true;
			return NULL;
		}
		f->list = list;
	}
	return &f->list[f->count];
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* Without memory for a part the finding stays, and the list says so. */
static bool complete(const struct finding *x, const struct finding_details *d)
{
	return x->where && x->received && x->message && !x->rule == !d->rule &&
	       !x->fix == !d->fix && !x->clause == !d->clause;
}

void findings_add_details(struct findings *f, const struct finding_details *details)
{
	struct finding_details d = *details;
	const struct reason *reason = reason_find(d.code);
	struct finding *slot;

	if (!reason) {
		reason = reason_find("internal.reason");
		d.severity = SEVERITY_ERROR;
		d.message = d.code;
	}
	slot = next_slot(f, d.severity);
	if (!slot)
		return;
	*slot = (struct finding){ .reason = reason,
		.severity = d.severity,
		.where = strdup(d.where ? d.where : ""),
		.received = strndup(d.received ? d.received : "", RECEIVED_MAX),
		.message = strdup(d.message ? d.message : reason->sentence),
		.rule = copy(d.rule),
		.fix = copy(d.fix),
		.clause = copy(d.clause) };
	f->count++;
	if (!complete(slot, &d))
		f->out_of_memory = true;
}

void findings_add(struct findings *f, const char *code, const char *where,
	const char *received, const char *message)
{
	findings_add_details(f, &(struct finding_details){ .code = code,
					.where = where,
					.received = received,
					.message = message });
}

void findings_addf(struct findings *f, enum severity severity, const char *code,
	const char *where, const char *received, const char *format, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	findings_add_details(f, &(struct finding_details){ .code = code,
					.severity = severity,
					.where = where,
					.received = received,
					.message = message });
}

bool findings_have(const struct findings *f, const char *code)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->list[i].reason->code, code) == 0)
			return true;
	return false;
}

void findings_drop_remarks(struct findings *f, const char *code)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].severity != SEVERITY_ERROR &&
			strcmp(f->list[i].reason->code, code) == 0)
			finding_done(&f->list[i]);
		else
			f->list[kept++] = f->list[i];
	f->count = kept;
}

void findings_move(struct findings *dst, struct findings *src)
{
	size_t errors = src->errors;

	for (size_t i = 0; i < src->count; i++) {
		struct finding *from = &src->list[i];
		struct finding *slot = next_slot(dst, SEVERITY_INFO);

		if (!slot)
			continue; /* counted as dropped */
		*slot = *from;
		*from = (struct finding){ 0 };
		dst->count++;
	}
	dst->errors += errors;
	dst->dropped += src->dropped;
	dst->out_of_memory |= src->out_of_memory;
	findings_done(src);
}

static const char *severity_text(enum severity severity)
{
	switch (severity) {
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_INFO:
		return "info";
	case SEVERITY_ERROR:
	default:
		return "error";
	}
}

static json_t *to_json(const struct finding *x)
{
	json_t *row = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "code",
		x->reason->code, "severity", severity_text(x->severity), "where",
		json_text(x->where), "received", json_text(x->received), "message",
		json_text(x->message), "fix", json_text(x->fix ? x->fix : x->reason->fix),
		"clause", json_text(x->clause ? x->clause : x->reason->clause));
	bool ok = row != NULL;

	if (ok && x->rule)
		ok = json_object_set_new(row, "rule", json_text(x->rule)) == 0;
	if (ok && x->line)
		ok = json_object_set_new(row, "line", json_integer(x->line)) == 0 &&
		     json_object_set_new(row, "column", json_integer(x->column)) == 0;
	if (!ok) {
		json_decref(row);
		return NULL;
	}
	return row;
}

json_t *findings_to_json(const struct findings *f)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < f->count; i++)
		if (json_array_append_new(array, to_json(&f->list[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	return array;
}
