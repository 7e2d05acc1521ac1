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

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].where);
		free(f->list[i].received);
		free(f->list[i].message);
	}
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

static void append(struct findings *f, enum severity severity, const char *code,
	const char *where, const char *received, const char *message)
{
	const struct reason *reason = reason_find(code);
	struct finding *slot;

	if (!reason) {
		reason = reason_find("internal.reason");
		severity = SEVERITY_ERROR;
		message = code;
	}
	slot = next_slot(f, severity);
	if (!slot)
		return;
	*slot = (struct finding){ .reason = reason,
		.severity = severity,
		.where = strdup(where ? where : ""),
		.received = strndup(received ? received : "", RECEIVED_MAX),
		.message = strdup(message ? message : reason->sentence) };
	f->count++;
	if (!slot->where || !slot->received || !slot->message)
		f->out_of_memory = true;
}

void findings_add(struct findings *f, const char *code, const char *where,
	const char *received, const char *message)
{
	append(f, SEVERITY_ERROR, code, where, received, message);
}

void findings_addf(struct findings *f, enum severity severity, const char *code,
	const char *where, const char *received, const char *format, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	append(f, severity, code, where, received, message);
}

bool findings_have(const struct findings *f, const char *code)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->list[i].reason->code, code) == 0)
			return true;
	return false;
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

json_t *findings_to_json(const struct findings *f)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < f->count; i++) {
		const struct finding *x = &f->list[i];
		json_t *row = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s}", "code",
			x->reason->code, "severity", severity_text(x->severity), "where",
			json_text(x->where), "received", json_text(x->received),
			"message", json_text(x->message), "fix", x->reason->fix, "clause",
			x->reason->clause);

		if (!row || json_array_append_new(array, row) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
