/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate top: what flows, what waits and for how long, and what the token and the
 * time-stamping authorities have left; read again and again, never changed.
 */
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"
#include "ctl/documents/timeline.h"
#include "ctl/documents/top.h"

#include "common/clock.h"
#include "common/json.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVERY_MS 2000
#define CLEAR "\033[H\033[2J"

/* One look. NULL with *ret_status. */
static json_t *look(struct queue_session *s, int *ret_status)
{
	_cleanup_json_ json_t *figures = NULL, *shape = NULL, *signer = NULL;
	json_t *roles;
	char at[CLOCK_TEXT_SIZE];
	int fd, r = queue_stats(s->queue, &fd);

	if (r == QUEUE_DONE) {
		figures = queue_session_json(fd);
		r = queue_shape(s->queue, &fd);
	}
	if (r != QUEUE_DONE) {
		*ret_status = queue_session_explain(r, NULL);
		return NULL;
	}
	shape = queue_session_json(fd);
	*ret_status = EXIT_INTERNAL;
	if (!figures || !shape)
		return NULL;
	clock_format(clock_now(), at);
	signer = queue_session_signer(s);
	roles = json_object_get(signer, "roles");
	return json_pack("{s:s,s:O,s:O,s:o,s:o,s:o}", "at", at, "queue", figures, "age",
		shape, "signer", roles ? json_incref(roles) : json_null(), "time_stamps",
		top_authorities(&s->instance), "warnings",
		queue_session_warnings(s, figures, signer));
}

/* Wait until it is time to look again. Return: false when the person has had enough. */
static bool again(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char c = 0;

	if (poll(&p, 1, EVERY_MS) <= 0)
		return true;
	return read(STDIN_FILENO, &c, 1) == 1 && c != 'q';
}

static int watch(struct queue_session *s, bool once, bool json)
{
	_cleanup_json_ json_t *before = NULL;

	do {
		int status;
		json_t *now = look(s, &status);

		if (!now)
			return status;
		if (json) {
			json_dumpf(now, stdout, JSON_SORT_KEYS | JSON_COMPACT);
			putchar('\n');
		} else {
			fputs(once ? "" : CLEAR, stdout);
			top_print(stdout, now, before);
		}
		fflush(stdout);
		json_decref(before);
		before = now;
	} while (!once && again());
	return EXIT_CLEAN;
}

int cmd_top(int argc, char **argv)
{
	static const struct option options[] = { { "once", no_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' }, { 0 } };
	_cleanup_session_ struct queue_session s = { 0 };
	bool once = false, json = false;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c == 'o')
			once = true;
		else if (c == 'j')
			json = true;
		else
			return command_usage("top");
	}
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("top");
	/* Without a keyboard nobody presses a key, nor ends it: from afar, in a pipe. */
	once |= !isatty(STDIN_FILENO);
	c = queue_session_open(&s);
	return c == EXIT_CLEAN ? watch(&s, once, json) : c;
}
