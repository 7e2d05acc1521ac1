/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/cleanup.h"
#include "common/log.h"
#include "ctl/appliance/adopt.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/cmd_quote.h"
#include "ctl/appliance/order.h"
#include "ctl/command.h"
#include "ctl/remote/remote_parcel.h"
#include "queue/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEDIUM "/dev/disk/by-label/SEALGATE"
#define MOUNTED APPLIANCE_MEDIUM
#define MOUNT_UNIT "run-appliance-medium.mount"
#define NETWORK APPLIANCE_INSTANCE "/network/machine.network"

/* Say how something ended; 1 of a function means that there was nothing to do. */
static int tell(
	const char *code, int r, const char *done, const char *nothing, char *error)
{
	_cleanup_(freep) char *owned = error;

	if (r < 0)
		log_event(
			LOG_ERR, code, NULL, "refused: %s", owned ? owned : strerror(-r));
	else
		log_event(LOG_NOTICE, code, NULL, "%s", r == 0 ? done : nothing);
	return r < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

static int apply(const char *dir, int *ret)
{
	char *error = NULL;

	*ret = appliance_apply(dir, false, &error);
	return tell("appliance.apply", *ret, "a new configuration is in place",
		"the configuration is the one in force, or an older one", error);
}

static int update(const char *dir, int *ret)
{
	char *error = NULL;

	*ret = appliance_update(dir, false, &error);
	return tell("appliance.update", *ret,
		"the update is staged; the next boot tries it",
		"the update is the version that runs", error);
}

/* Who is not let out has nothing to send. */
static int egress(void)
{
	char *error = NULL;
	int r = appliance_egress(&error);

	if (r < 0 && error)
		appliance_note_refusal(error);
	if (r == 0)
		r = appliance_receivers(&error);

	return tell(
		"appliance.egress", r, "the firewall knows the destinations", "", error);
}

static int restart(void)
{
	return appliance_start("reboot.target", false) == 0 ? EXIT_CLEAN : EXIT_INTERNAL;
}

/* Read what a medium brings, which the manager mounts: a backup, then
 * configuration, with which this start goes on, then update.
 * Return: true to restart. */
static bool take_medium(void)
{
	struct stat link; /* the device itself is not to be seen here */
	static const struct order unmount = { ORDER_STOP, MOUNT_UNIT, NULL };
	bool all;
	int r;

	if (lstat(MEDIUM, &link) < 0)
		return false;
	r = appliance_start(MOUNT_UNIT, true);
	if (r < 0) {
		tell("appliance.medium", r, "", "", NULL);
		return false;
	}
	all = appliance_restore();
	r = -1;
	if (all && appliance_sees(MOUNTED "/machine"))
		apply(MOUNTED "/machine", &r);
	if (r == 0)
		appliance_own();
	r = -1;
	if (all && appliance_sees(MOUNTED "/update"))
		update(MOUNTED "/update", &r);
	if (order_give(&unmount, NULL) < 0)
		tell("appliance.medium", -EBUSY, "", "", NULL);
	return r == 0;
}

static void discard_old(void)
{
	int r = appliance_discard_old();

	if (r != 0)
		tell("appliance.take", r < 0 ? r : 0,
			"what came from afar more than a day ago is given up", "", NULL);
}

/* What a power cut broke off is completed before anybody reads a configuration, or
 * nobody does. */
static int resume(void)
{
	int r = appliance_restore_begun();

	if (r < 0)
		return EXIT_NOT_PASSED;
	r = appliance_resume();
	if (r == 1)
		return EXIT_CLEAN;
	if (r == 0) /* tmpfiles of this start saw what was in place by then */
		appliance_own();
	return tell("appliance.apply", r,
		"a configuration that was half in place when the power went is whole", "",
		NULL);
}

/* At boot, before anything serves. What the medium brings may be refused and the machine
 * goes on as it was; a version that may not serve and a firewall that cannot be filled
 * are errors. */
static int at_boot(void)
{
	char version[APPLIANCE_VERSION_SIZE], *error = NULL;
	bool again;
	int r;

	if (appliance_version(version) == 0)
		log_event(LOG_NOTICE, "appliance.boot", NULL,
			"sealgate appliance %s starts", version);
	if (resume() != EXIT_CLEAN)
		return EXIT_NOT_PASSED;
	discard_old();
	again = take_medium();
	if (resume() != EXIT_CLEAN)
		return EXIT_NOT_PASSED;
	if (appliance_sees(NETWORK) &&
		(mkdir("/run/systemd/network", 0755) == 0 || errno == EEXIST) &&
		symlink(NETWORK, "/run/systemd/network/10-machine.network") < 0 &&
		errno != EEXIST)
		return tell("appliance.network", -errno, "", "", NULL);
	if (again)
		return restart();
	r = appliance_note_started();
	if (r < 0)
		return tell("appliance.apply", r, "", "", NULL);
	r = appliance_may_serve(&error);
	if (r < 0)
		return tell("appliance.floor", r, "", "", error);
	return egress();
}

/* A version or a configuration with which a part of serving fails is not proven. */
static int keep(void)
{
	static const struct order runs = { ORDER_ACTIVE, "nftables.service", NULL };
	char *reason = NULL;
	int r = order_give(&runs, NULL);

	/* A manager that does not answer has not said that nothing failed. */
	if (r != 0)
		return tell("appliance.keep", -EIO, "", "",
			strdup("the manager does not say that the firewall is there"));
	r = appliance_failed(&reason);
	if (r != 0)
		return tell("appliance.keep", -EIO, "", "", reason);
	return tell("appliance.keep", appliance_keep(),
		"version and configuration are proven", "the version is proven", NULL);
}

static int floor_noted(void)
{
	char *error = NULL;
	int r = appliance_note_floor(&error);

	return tell("appliance.floor", r, "the floor of versions is read", "", error);
}

static int floor_raised(void)
{
	char *error = NULL;
	int r = appliance_raise_floor(&error);

	return tell(
		"appliance.floor", r, "no older version is taken from now on", "", error);
}

/* After the health check, or who keeps what it found, has failed: a configuration that
 * was not proven goes, and the unit has the machine start again with the one before it.
 */
static int give_back(void)
{
	const char *unit = getenv("MONITOR_UNIT"),
		   *status = getenv("MONITOR_EXIT_STATUS");
	int r;

	if (!appliance_health_failed(getenv("MONITOR_SERVICE_RESULT"), status)) {
		log_event(LOG_NOTICE, "appliance.return", NULL,
			"%s was stopped, or never begun: nothing is taken back",
			unit ? unit : "the check");
		return EXIT_NOT_PASSED; /* of a success the machine starts again */
	}
	/* Before it is done: whoever asks must not find one that is on trial no more. */
	appliance_note(APPLIANCE_RETURNED,
		status && strcmp(status, APPLIANCE_UNREACHED_TEXT) == 0
			? APPLIANCE_UNREACHED_WHY
			: "the application was not healthy with it: log, "
			  "appliance.health, appliance.keep");
	r = appliance_return();
	if (r != 0)
		appliance_note(APPLIANCE_RETURNED, NULL);
	return tell("appliance.return", r,
		"the configuration before it is in force again",
		"nothing to return to, or another one has come since the start", NULL);
}

static void print_text(const json_t *value, const char *name)
{
	const char *key;
	json_t *member;
	size_t i;
	char inner[256];

	if (json_is_object(value)) {
		json_object_foreach((json_t *)(uintptr_t)value, key, member)
		{
			snprintf(inner, sizeof(inner), "%s%s%s", name, *name ? "." : "",
				key);
			print_text(member, inner);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, member)
		{
			snprintf(inner, sizeof(inner), "%s.%zu", name, i);
			print_text(member, inner);
		}
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		printf("%s: %s\n", name, text ? text : "");
		free(text);
	}
}

static int report(bool json)
{
	json_t *r = appliance_report();

	if (!r)
		return EXIT_INTERNAL;
	if (json)
		json_dumpf(r, stdout, JSON_INDENT(1));
	else
		print_text(r, "");
	json_decref(r);
	return EXIT_CLEAN;
}

static int support(void)
{
	json_t *all = appliance_support();
	int r = all ? json_dumpf(all, stdout, JSON_INDENT(1)) : -1;

	json_decref(all);
	return r == 0 ? EXIT_CLEAN : EXIT_INTERNAL;
}

/* Who asks from afar has no more than the right to start what the image has for it. */
static int ask_manager(const char *unit)
{
	return tell("appliance.machine", appliance_start(unit, false),
		"the machine starts again", "", NULL);
}

static int parcel(const char *name, const char *offset)
{
	_cleanup_(freep) char *error = NULL;
	struct appliance_came came = { 0 };
	int r = appliance_parcel(name, offset, &came, &error);

	if (r < 0) {
		command_fault("%s", error ? error : strerror(-r));
		return EXIT_NOT_PASSED;
	}
	printf("{\"have\":%lld,\"whole\":%s", came.have, came.whole ? "true" : "false");
	if (came.next >= 0)
		printf(",\"next\":%lld", came.next);
	puts("}");
	return EXIT_CLEAN;
}

static int discard(void)
{
	int r = appliance_discard();

	if (r < 0)
		command_fault("%s", strerror(-r));
	return tell("appliance.discard", r, "what came from afar is given up", "", NULL);
}

/* What came from afar is called by its digest, and never by a path. */
static int take_named(const char *verb, const char *name)
{
	char *error = NULL;
	int r = appliance_take_named(verb, name, &error);

	/* Whoever asked from afar does not see the log. */
	if (r < 0)
		command_fault("%s", error ? error : strerror(-r));
	else
		puts("taken; the machine starts again with it");
	return tell(*verb == 'a' ? "appliance.apply" : "appliance.update", r,
		"taken; the machine starts again with it", "", error);
}

/* What is refused is no fault of the unit: who asked is told why. */
static int take(void)
{
	char *error = NULL;
	int r = appliance_take(&error);

	(void)tell("appliance.take", r, "what came from afar is taken",
		"what came from afar is nothing new", error);
	return r == 0 ? restart() : EXIT_CLEAN;
}

static int logs(int argc, char **argv)
{
	optind = 2;
	if (command_arguments(argc, argv, 1, 2, "MARK") < 0)
		return command_usage("appliance");
	return tell("appliance.logs", appliance_logs(argv[2], argc > 3 ? argv[3] : NULL),
		"", "", NULL);
}

/* As the program whose name that is. */
static int take_given(const char *name)
{
	char given[PATH_MAX];
	int n = snprintf(
		given, sizeof(given), APPLIANCE_INSTANCE "/" ADOPT_GIVEN "/%s", name);

	return tell("appliance.adopt",
		n >= PATH_MAX ? -ENAMETOOLONG : adopt(given, APPLIANCE_INSTANCE),
		"what the configuration brings is taken", "", NULL);
}

static int recovery_key(void)
{
	int r = appliance_recovery_key();

	return tell("appliance.recovery", r, "a new recovery key of /var was given out",
		"", NULL);
}

static int run_report(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' }, { 0 }
	};
	bool json = false;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1)
		if (c != 'f' || command_format(optarg, &json) < 0)
			return command_usage("appliance");
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("appliance");
	return report(json);
}

/* What the units of the image call. */
static int run_unit(const char *verb)
{
	if (strcmp(verb, "boot") == 0)
		return at_boot();
	if (strcmp(verb, "clock") == 0)
		return tell("appliance.clock", appliance_clock(), "", "", NULL);
	if (strcmp(verb, "health") == 0)
		return appliance_check();
	if (strcmp(verb, "keep") == 0)
		return keep();
	if (strcmp(verb, "floor") == 0)
		return floor_noted();
	if (strcmp(verb, "raise") == 0)
		return floor_raised();
	if (strcmp(verb, "order") == 0)
		return order_serve(STDIN_FILENO) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
	if (strcmp(verb, "secret") == 0)
		return appliance_secret() < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
	if (strcmp(verb, "take") == 0)
		return take();
	if (strcmp(verb, "return") == 0)
		return give_back();
	if (strcmp(verb, "restore") == 0 || strcmp(verb, "place") == 0)
		return appliance_restore_unit(*verb == 'p') < 0 ? EXIT_NOT_PASSED
								: EXIT_CLEAN;
	if (strcmp(verb, "layout") == 0)
		return printf("%d %d\n", layout_version(), layout_least()) > 0
			       ? EXIT_CLEAN
			       : EXIT_INTERNAL;
	return command_no_verb(verb);
}

int cmd_appliance(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	bool takes = strcmp(verb, "apply") == 0 || strcmp(verb, "update") == 0;
	bool adopts = strcmp(verb, "adopt") == 0;
	int r, arguments = strcmp(verb, "parcel") == 0 ? 2 : takes || adopts;

	log_open("appliance");
	if (strcmp(verb, "report") == 0)
		return run_report(argc - 1, argv + 1);
	if (strcmp(verb, "verify") == 0)
		return appliance_verify_run(argc - 1, argv + 1);
	if (argc < 2)
		return command_no_verb(NULL);
	if (quote_verb(verb))
		return cmd_quote(argc - 1, argv + 1);
	if (strcmp(verb, "logs") == 0)
		return logs(argc, argv);
	optind = 2;
	if (command_arguments(argc, argv, arguments, arguments,
		    takes ? "DIR" : "NAME or OFFSET") < 0)
		return command_usage("appliance");
	if (adopts)
		return take_given(argv[2]);
	if (arguments == 2)
		return parcel(argv[2], argv[3]);
	if (takes && strncmp(argv[2], PARCEL_NAME, strlen(PARCEL_NAME)) == 0)
		return take_named(verb, argv[2]);
	if (takes)
		return *verb == 'a' ? apply(argv[2], &r) : update(argv[2], &r);
	if (strcmp(verb, "support") == 0)
		return support();
	if (strcmp(verb, "restart") == 0)
		return ask_manager("reboot.target");
	if (strcmp(verb, "reset") == 0)
		return ask_manager("appliance-reset.service");
	if (strcmp(verb, "recovery-key") == 0)
		return recovery_key();
	if (strcmp(verb, "discard") == 0)
		return discard();
	return run_unit(verb);
}
