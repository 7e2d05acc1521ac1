/* SPDX-License-Identifier: EUPL-1.2 */
/* `sealgate replay status|account|stop|ordered`, at the gate. */
#include "ctl/replay/replay_orders.h"

#include "common/confine.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "ctl/command.h"
#include "ctl/instance/unit_note.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Carried out by another user, of octets of others: from afar, where it is read as root,
 * by one who can only read. */
static int say(int argc, char **argv, bool account)
{
	static const struct option OPTIONS[] = {
		{ "format", required_argument, NULL, 'f' },
		{ 0 },
	};
	_cleanup_json_ json_t *state = NULL;
	bool json = false, runs;
	int c;

	while ((c = command_option(argc, argv, "", OPTIONS)) != -1)
		if (c != 'f' || command_format(optarg, &json) < 0)
			return command_usage("replay");
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("replay");
	runs = replay_runs();
	if (!runs && replay_outlived())
		(void)replay_forget(); /* who may only look does not see it */
	if (getenv(REMOTE_PERSON) && confine_reader() < 0)
		return EXIT_INTERNAL;
	state = replay_state(runs, account);
	if (!state)
		return EXIT_INTERNAL;
	if (!json) {
		replay_print(state);
		return EXIT_CLEAN;
	}
	return json_dumpf(state, stdout, JSON_COMPACT | JSON_SORT_KEYS) == 0 &&
			       putchar('\n') != EOF
		       ? EXIT_CLEAN
		       : EXIT_INTERNAL;
}

static int status(int argc, char **argv)
{
	return say(argc, argv, false);
}

static int account(int argc, char **argv)
{
	return say(argc, argv, true);
}

static int no_more(int argc, char **argv)
{
	static const struct option NONE[] = { { 0 } };

	return command_option(argc, argv, "", NONE) != -1 ||
			       command_arguments(argc, argv, 0, 0, "") < 0
		       ? -EINVAL
		       : 0;
}

static int stop(int argc, char **argv)
{
	char path[PATH_MAX];
	int r = no_more(argc, argv);

	if (r < 0)
		return command_usage("replay");
	r = replay_forget();
	if (r == 0) {
		puts("none runs; the account of the last one is gone");
		return EXIT_CLEAN;
	}
	if (r == 1 && !replay_runs()) {
		command_fault("none runs");
		return EXIT_NOT_PASSED;
	}
	if (r == 1 || r == -EBUSY)
		r = replay_place("stop", path);
	if (r == 0)
		r = durable_write(path, span_str("stop\n"), 0644);
	if (r < 0) {
		command_fault("%s", strerror(-r));
		return EXIT_INTERNAL;
	}
	puts("it ends before its next document");
	return EXIT_CLEAN;
}

/* What goes wrong is told to who asks, and is no fault of the unit. */
static int ordered(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	int r, opened, status;

	if (no_more(argc, argv) < 0)
		return command_usage("replay");
	log_open("replay");
	if (!replay_ordered())
		replay_tidy();
	if (!replay_ordered())
		return EXIT_CLEAN;
	opened = instance_open(NULL, &i, &error);
	if (opened == 0)
		unit_started(&i, "replay");
	r = replay_carry_out();
	if (r < 0)
		log_event(LOG_ERR, "replay.ended", NULL,
			"it could not be carried out: %s", strerror(-r));
	status = r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
	if (opened == 0) {
		unit_ended(&i, "replay", status);
		instance_done(&i);
	}
	return status;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} VERBS[] = { { "status", status }, { "account", account }, { "stop", stop },
	{ "ordered", ordered } };

int cmd_replay(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(VERBS) / sizeof(VERBS[0]); i++)
		if (strcmp(argv[1], VERBS[i].name) == 0)
			return VERBS[i].run(argc - 1, argv + 1);
	return command_no_verb(argc > 1 ? argv[1] : NULL);
}
