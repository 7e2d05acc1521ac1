/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/replaying.h"

#include "ctl/audit/audit_since.h"

#include "common/clock.h"
#include "common/json.h"
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_MS 2000
#define CUT 1000 /* the walk ends: enough documents */

static enum decision stored_decision(const struct queue_document *d)
{
	return d->state == DOCUMENT_REFUSED ? DECISION_REFUSED
	       : d->state == DOCUMENT_HELD  ? DECISION_HELD
					    : DECISION_ACCEPTED;
}

/* One document under one policy. Return: 0 or negative undecided. */
static int judge(const struct trial *t, const struct queue_document *d, int fd,
	struct rerun *ret, json_t **ret_report)
{
	struct verdict v;
	int r = trial_ask(t, VERIFY_DOCUMENT, d, fd, d->received, &v, ret_report);

	if (r == 0)
		r = trial_reader_route(&t->reader, v.type, v.import_country, ret->route);
	if (r < 0)
		return r;
	ret->decision = (enum decision)v.decision;
	ret->findings = json_object_get(*ret_report, "findings");
	ret->route_count = (size_t)r;
	return 0;
}

static int compare(struct replaying *p, const struct queue_document *d, int fd)
{
	_cleanup_json_ json_t *base_report = NULL, *next_report = NULL;
	_cleanup_rerun_change_ struct rerun_change change = { 0 };
	struct rerun base = { 0 }, next = { 0 };
	int r = judge(&p->base, d, fd, &base, &base_report);

	if (r == 0)
		r = judge(&p->next, d, fd, &next, &next_report);
	if (r < 0)
		return rerun_note_undecided(&p->account, d);
	r = rerun_compare(stored_decision(d), &base, &next, &change);
	return r < 0 ? r : rerun_note(&p->account, d, &base, &next, &change);
}

static int take_document(struct replaying *p, const char *id, const char *partner)
{
	_cleanup_(closep) int fd = -1;
	struct queue_document d;
	int r = queue_get(p->session->queue, id, NULL, QUEUE_DOCUMENT, &d, &fd);

	if (r == QUEUE_NOT_FOUND)
		return rerun_note_not_kept(&p->account, partner);
	if (r != QUEUE_DONE)
		return r < 0 ? r : -EIO;
	/* A rehearsal is no case that a policy is tried on. */
	return d.state == DOCUMENT_SANDBOX ? 0 : compare(p, &d, fd);
}

static const char *tell(struct replaying *p, const char *at)
{
	int64_t now = clock_monotonic_ms();

	if (p->told)
		return p->told(p->data, p, at);
	if (now - p->told_ms < PROGRESS_MS || !isatty(STDERR_FILENO))
		return NULL;
	p->told_ms = now;
	fprintf(stderr, "%ld documents, the last of %s\n", p->seen, at);
	return NULL;
}

/* Records that a partner made are those of submissions. */
static int take_record(void *data, const json_t *record)
{
	struct replaying *p = data;
	const char *event = json_string_of(record, "event");
	const char *partner = json_string_of(record, "actor");
	const char *id = json_string_of(record, "document");
	const char *at = json_string_of(record, "at");

	if (!event || !partner || !id ||
		!json_object_get(json_object_get(record, "detail"), "correlation") ||
		strncmp(event, "document.", 9) != 0)
		return 0;
	if (p->o->partner && strcmp(p->o->partner, partner) != 0)
		return 0;
	p->account.cut = p->seen == p->o->limit ? RERUN_LIMIT : tell(p, at ? at : "");
	if (p->account.cut)
		return CUT;
	p->seen++;
	return take_document(p, id, partner);
}

int replaying_walk(struct replaying *p, json_t **ret_account)
{
	const struct rerun_account *a = &p->account;
	int r = rerun_account_init(&p->account);

	if (r == 0)
		r = audit_since(p->session->queue, p->o->since, take_record, p);
	if (r != 0 && r != CUT)
		return queue_session_explain(r, NULL);
	*ret_account = rerun_to_json(a);
	if (!*ret_account || a->undecided || (a->cut && strcmp(a->cut, RERUN_LIMIT) != 0))
		return EXIT_INTERNAL;
	return a->changed ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

void replaying_done(struct replaying *p)
{
	trial_end(&p->next);
	trial_end(&p->base);
	rerun_account_done(&p->account);
}
