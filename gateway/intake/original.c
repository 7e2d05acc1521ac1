/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/original.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/memfd.h"
#include "intake/problem.h"
#include "intake/submission.h"
#include "queue/protocol.h"

#include <string.h>

/* What is held under a number. */
struct held {
	size_t all;	 /* documents of the type */
	size_t living;	 /* neither withdrawn nor replaced */
	size_t replaced; /* another one took their place */
};

static void count(const json_t *documents, const char *type, struct held *ret)
{
	const json_t *d;
	size_t i;

	*ret = (struct held){ 0 };
	json_array_foreach(documents, i, d)
	{
		const char *its = json_string_of(d, "type");
		const char *rehearsed = json_string_of(d, "rehearsed");
		enum document_state s = document_state_find(
			rehearsed ? rehearsed : json_string_of(d, "state"));

		/* A withdrawal is of the number, and no original. */
		if (!its || strcmp(its, type) != 0 ||
			document_relation_find(json_string_of(d, "relation")) ==
				RELATION_WITHDRAWS)
			continue;
		ret->all++;
		ret->replaced += s == DOCUMENT_REPLACED;
		ret->living += s != DOCUMENT_REPLACED && s != DOCUMENT_WITHDRAWN;
	}
}

/* Of the partner's own documents: nobody else's can be withdrawn or replaced. Return: 1,
 * 0 with a problem. */
static int look_up(
	struct exchange *x, const char *number, const char *type, struct held *ret)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_json_ json_t *answer = NULL;
	struct queue_scope scope = { 0 };
	struct span text;

	memcpy(scope.partner, x->partner->name, sizeof(scope.partner));
	if (links_status_of(x->links, number, clock_now(), &scope, &fd) != QUEUE_DONE) {
		problem(x, "http.queue-away", NULL, NULL);
		return 0;
	}
	if (memfd_map(fd, QUEUE_JSON_MAX, &text) == 0) {
		answer = json_read(text, QUEUE_JSON_MAX);
		memfd_unmap(&text);
	}
	if (!answer) {
		problem(x, "internal.error", NULL, NULL);
		return 0;
	}
	count(json_object_get(answer, "documents"), type, ret);
	return 1;
}

/* A withdrawal of nothing is a slip; what is replaced may be older than the gate. The
 * partner's file may say otherwise of both. */
static bool may_be_unknown(const struct partner *p, uint32_t relation)
{
	if (p->originals == ORIGINALS_DEFAULT)
		return relation == RELATION_REPLACES;
	return p->originals == ORIGINALS_ANY;
}

/* What is wrong, or NULL; *ret_warning: it is no error. Return: 1, 0 with a problem. */
static int find_fault(struct exchange *x, const struct queue_submission *s,
	const char **ret_code, bool *ret_warning)
{
	struct held original, own = { 0 };

	*ret_code = NULL;
	*ret_warning = false;
	if (!look_up(x, s->original, s->type, &original))
		return 0;
	if (s->relation == RELATION_REPLACES && !look_up(x, s->number, s->type, &own))
		return 0;
	if (own.replaced > 0) {
		*ret_code = "document.cycle";
	} else if (original.all == 0) {
		*ret_code = "document.original-unknown";
		*ret_warning = may_be_unknown(x->partner, s->relation);
	} else if (original.living == 0) {
		*ret_code = "document.original-ended";
	}
	return 1;
}

/* Same number and status as before, or the same octets: the queue says so, by its own
 * answer. */
static bool first_decides(struct exchange *x, const struct queue_submission *s)
{
	struct queue_document first;
	int r = links_find(x->links, s, &first);

	return r == QUEUE_CONFLICT || r == QUEUE_DUPLICATE;
}

int original_judge(struct exchange *x, struct queue_submission *s, struct judgement *j)
{
	const char *code;
	bool warning;
	int r;

	if (s->relation == RELATION_NONE || first_decides(x, s))
		return 1;
	if (!find_fault(x, s, &code, &warning))
		return 0;
	if (!code)
		return 1;
	r = warning ? judgement_warn(j, code, "", s->original)
		    : judgement_refuse(j, code, "", s->original);
	if (r < 0) {
		problem(x, "internal.error", NULL, NULL);
		return 0;
	}
	submission_judged(s, j, x->partner);
	return 1;
}
