/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate papers: of the documents that are stored, those that made a paper of an outage
 * electronic before the database knew of papers. A step that may be taken again.
 */
#include "ctl/audit/audit_since.h"
#include "ctl/bundle/trial.h"
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"

#include "common/clock.h"
#include "common/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 10000
#define LIMIT_TOP 10000000
#define ENOUGH 1000 /* the walk ends: as many documents as were asked for */

struct papers {
	struct queue_session *session;
	struct trial trial;
	int64_t since;
	long limit, seen, noted, known, not_kept, undecided;
	char next[CLOCK_TEXT_SIZE]; /* where to go on, or "" */
};

static int read_limit(const char *text, long *ret)
{
	char *end;

	*ret = strtol(text, &end, 10);
	return *text && !*end && *ret >= 1 && *ret <= LIMIT_TOP
		       ? 0
		       : command_fault("--limit is 1 to %d, not '%s'", LIMIT_TOP, text);
}

static int read_options(int argc, char **argv, struct papers *p)
{
	static const struct option OPTIONS[] = {
		{ "since", required_argument, NULL, 's' },
		{ "limit", required_argument, NULL, 'n' },
		{ 0 },
	};
	int c;

	p->limit = LIMIT_DEFAULT;
	p->since = 0;
	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c == 's' && clock_parse(optarg, &p->since) < 0)
			return command_fault(
				"--since is no time of RFC 3339: %s", optarg);
		if (c == 'n' && read_limit(optarg, &p->limit) < 0)
			return -EINVAL;
		if (c == '?')
			return -EINVAL;
	}
	return command_arguments(argc, argv, 0, 0, "");
}

/* Return: 0, an enum queue_answer, negative. */
static int note(struct papers *p, const char *id, const char *number)
{
	int r = queue_paper(p->session->queue, id, number ? number : "");

	p->noted += r == QUEUE_DONE;
	p->known += r == QUEUE_DUPLICATE;
	return r == QUEUE_DONE || r == QUEUE_DUPLICATE || r == QUEUE_NOT_FOUND ? 0 : r;
}

/* What a partner sent is read by a verify process. Where that cannot say, the
 * document is counted, and the next one looked at. */
static int take_document(struct papers *p, const char *id)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_json_ json_t *report = NULL;
	struct queue_document d;
	struct verdict v;
	int r = queue_get(p->session->queue, id, NULL, QUEUE_DOCUMENT, &d, &fd);

	if (r == QUEUE_NOT_FOUND) {
		p->not_kept++;
		return 0;
	}
	if (r != QUEUE_DONE)
		return r < 0 ? r : -EIO;
	if (trial_ask(&p->trial, VERIFY_DOCUMENT, &d, fd, d.received, &v, &report) < 0) {
		p->undecided++;
		return 0;
	}
	return note(p, id, json_string_of(json_object_get(report, "facts"), "paper"));
}

/* Records that have a correlation are those of submissions. */
static int take_record(void *data, const json_t *record)
{
	struct papers *p = data;
	const char *event = json_string_of(record, "event"),
		   *id = json_string_of(record, "document"),
		   *at = json_string_of(record, "at");

	if (!event || !id || !at || strncmp(event, "document.", 9) != 0 ||
		!json_object_get(json_object_get(record, "detail"), "correlation"))
		return 0;
	if (p->seen == p->limit) {
		(void)snprintf(p->next, sizeof(p->next), "%s", at);
		return ENOUGH;
	}
	p->seen++;
	return take_document(p, id);
}

static int run(struct papers *p)
{
	int r = trial_in_force(&p->session->instance, &p->trial);

	if (r < 0)
		return EXIT_INTERNAL;
	r = audit_since(p->session->queue, p->since, take_record, p);
	if (r != 0 && r != ENOUGH)
		return queue_session_explain(r, NULL);
	printf("%ld documents looked at: %ld papers noted, %ld known before; of %ld the "
	       "octets are not kept, %ld could not be read\n",
		p->seen, p->noted, p->known, p->not_kept, p->undecided);
	if (*p->next)
		printf("go on with --since %s\n", p->next);
	return p->undecided ? EXIT_INTERNAL : *p->next ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

int cmd_papers(int argc, char **argv)
{
	_cleanup_session_ struct queue_session session = { 0 };
	struct papers p = { .session = &session };
	int r;

	if (read_options(argc, argv, &p) < 0)
		return command_usage("papers");
	r = queue_session_open(&session);
	if (r == EXIT_CLEAN)
		r = run(&p);
	trial_end(&p.trial);
	return r;
}
