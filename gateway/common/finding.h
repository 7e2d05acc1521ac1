/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Findings: what is wrong with an input, where, what was received, why and how to mend
 * it; never a decision by itself.
 */
#ifndef SEALGATE_COMMON_FINDING_H
#define SEALGATE_COMMON_FINDING_H

#include "common/cleanup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum severity { SEVERITY_ERROR = 0, SEVERITY_WARNING, SEVERITY_INFO };

/* A row of the reason table, gateway/common/reasons.def. */
struct reason {
	const char *code;     /* "xml.doctype" */
	int http_status;      /* of the answer when this alone refuses a submission */
	const char *sentence; /* what is wrong, for people */
	const char *clause;   /* standard or rule, or "" */
	const char *fix;      /* what to do about it */
};

/* The row of a code, or NULL. */
const struct reason *reason_find(const char *code);

struct finding {
	const struct reason *reason;
	enum severity severity;
	char *where;	/* XPath, line:column, header or field; "" when the whole input */
	char *received; /* at most 200 octets of what was there, or "" */
	char *message;	/* sentence with its details */
	/* What a rule of policy says for itself, each NULL where the reason speaks. */
	char *rule; /* its id */
	char *fix, *clause;
	/* In the octets received, from 1; 0 when not known. */
	unsigned int line, column;
};

/* What findings_add_details takes; beside code all may be NULL. */
struct finding_details {
	const char *code;
	enum severity severity;
	const char *where, *received, *message;
	const char *rule, *fix, *clause;
};

struct findings {
	struct finding *list;
	size_t count;
	size_t errors;	/* how many are SEVERITY_ERROR, dropped ones included */
	size_t dropped; /* beyond LIMIT_FINDINGS */
	bool out_of_memory;
};

/* Release the list; a zeroed struct is an empty list. */
void findings_done(struct findings *f);

/* Add a finding of the code at error severity. where and received may be NULL. message
 * may be NULL: the reason's sentence. An unknown code becomes "internal.reason", still an
 * error: a slip of ours can never turn a refusal into an acceptance. */
void findings_add(struct findings *f, const char *code, const char *where,
	const char *received, const char *message);

/* As findings_add with a severity and a formatted message. */
void findings_addf(struct findings *f, enum severity severity, const char *code,
	const char *where, const char *received, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* As findings_add, with what a rule says for itself. */
void findings_add_details(struct findings *f, const struct finding_details *details);

/* True when the list holds a finding of the code. */
bool findings_have(const struct findings *f, const char *code);

/* Take out every finding of the code that is not an error, where the caller knows better.
 */
void findings_drop_remarks(struct findings *f, const char *code);

/* Move every finding of src to the end of dst; src is empty afterwards. */
void findings_move(struct findings *dst, struct findings *src);

/* [{"code","severity","where","received","message","fix","clause"}], with "rule", "line"
 * and "column" where they are known: a new reference, or NULL when memory ran out. */
json_t *findings_to_json(const struct findings *f);

#define _cleanup_findings_ _cleanup_(findings_done)

#endif
