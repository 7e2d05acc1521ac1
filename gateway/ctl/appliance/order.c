/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/order.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/hsm.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMCTL "/usr/bin/systemctl"
#define REQUEST_MAX (1u << 19)
#define ANSWER_MAX (1u << 22)
#define REBOOT "reboot.target"
#define SHOWN "--property=Id,TriggeredBy,WantedBy,RequiredBy,RequisiteOf,BoundBy,UpheldBy"

#define VERSIONS "0123456789."
#define NAMES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"
#define ADDRESSES "abcdefghijklmnopqrstuvwxyz0123456789.: "
#define WAYS "abcdefghijklmnopqrstuvwxyz "
#define NAME_MAX_LENGTH 128u

/* What may be ordered: a unit, in whose name % stands for characters of a set; and of
 * which characters its argument is. */
static const struct {
	const char *verb, *unit, *set, *argument;
} TABLE[] = {
	{ ORDER_START, "run-appliance-medium.mount", NULL, NULL },
	{ ORDER_STOP, "run-appliance-medium.mount", NULL, NULL },
	{ ORDER_START, "appliance-restore.service", NULL, NULL },
	{ ORDER_START, "appliance-place.service", NULL, NULL },
	{ ORDER_START, "appliance-owner.service", NULL, NULL },
	{ ORDER_START, "appliance-stage@%.service", VERSIONS, NULL },
	{ ORDER_CALL, "sealgate-ship@%.timer", NAMES, NULL },
	{ ORDER_CALL, REBOOT, NULL, NULL },
	{ ORDER_RELOAD, "nftables.service", NULL, NULL },
	{ ORDER_ACTIVE, "nftables.service", NULL, NULL },
	{ ORDER_ALLOW, "sealgate-seal.service", NULL, ADDRESSES },
	{ ORDER_ALLOW, "sealgate-forward.service", NULL, ADDRESSES },
	{ ORDER_ALLOW, "sealgate-trustd.service", NULL, ADDRESSES },
	{ ORDER_ALLOW, "sealgate-logs.service", NULL, ADDRESSES },
	{ ORDER_ALLOW, APPLIANCE_SHIP_SLICE, NULL, ADDRESSES },
	{ ORDER_ALLOW, "appliance-time.service", NULL, ADDRESSES },
	{ ORDER_ALLOW, "sealgate-signer.service", NULL, ADDRESSES },
	{ ORDER_LET_OUT, "sealgate-signer.service", NULL, WAYS },
	{ ORDER_FAILED, "", NULL, NULL },
};

static bool is_unit(const char *row, const char *set, const char *unit)
{
	const char *percent = strchr(row, '%');
	size_t before = percent ? (size_t)(percent - row) : 0, named;

	if (!percent)
		return strcmp(row, unit) == 0;
	if (strncmp(row, unit, before) != 0)
		return false;
	named = strspn(unit + before, set);
	/* a set has the dot of the ending, too */
	while (named > 0 && strcmp(unit + before + named, percent + 1) != 0)
		named--;
	return named > 0 && named <= NAME_MAX_LENGTH;
}

bool order_known(const struct order *o)
{
	const char *unit = o->unit ? o->unit : "", *argument = o->argument;

	for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++)
		if (strcmp(o->verb, TABLE[i].verb) == 0 &&
			is_unit(TABLE[i].unit, TABLE[i].set, unit))
			return TABLE[i].argument
				       ? argument && *argument &&
						 strspn(argument, TABLE[i].argument) ==
							 strlen(argument)
				       : !argument;
	return false;
}

/* With what systemctl prints. Return: its exit status, or -errno. */
static int run_printed(const char *const arguments[], char **ret_output)
{
	_cleanup_json_ json_t *request = NULL, *answer = NULL, *all = json_array();
	const char *output;
	int r = 0;

	for (size_t i = 0; arguments[i] && r == 0; i++)
		r = json_array_append_new(all, json_string(arguments[i]));
	request = r == 0 ? json_pack("{s:O}", "arguments", all) : NULL;
	json_decref(all);
	r = request ? remote_run(SYSTEMCTL, NULL, request, -1, &answer) : -ENOMEM;
	output = json_string_of(answer, "output");
	if (r < 0 || !output)
		return r < 0 ? r : -EIO;
	*ret_output = strdup(output);
	return *ret_output ? (int)json_integer_value(json_object_get(answer, "status"))
			   : -ENOMEM;
}

static int run(const char *a, const char *b, const char *unit, const char *property)
{
	const char *const argv[] = { SYSTEMCTL, a, b, unit, property, NULL };

	return appliance_run(argv);
}

/* Nothing that fails on the way down takes the place of a restart. */
static int call(const char *unit)
{
	const char *const restart[] = { SYSTEMCTL, "--no-block",
		"--job-mode=replace-irreversibly", "start", unit, NULL };

	return strcmp(unit, REBOOT) == 0 ? appliance_run(restart)
					 : run("--no-block", "start", unit, NULL);
}

/* Who waited tells why: what was refused is no fault of the machine. */
static int start(const char *unit)
{
	int r = run("--quiet", "start", unit, NULL);

	if (r != 0)
		(void)run("--quiet", "reset-failed", unit, NULL);
	return r;
}

static int allow(const char *unit, const char *addresses)
{
	_cleanup_(freep) char *property = NULL;

	if (asprintf(&property, "IPAddressAllow=%s", addresses) < 0)
		return -ENOMEM;
	return run("set-property", "--runtime", unit, property);
}

/* Return: the exit status, or -errno. */
static int carry_out(const struct order *o, char **ret_output)
{
	static const char *const failed[] = { "show", "--state=failed", SHOWN, "*",
		NULL };

	if (strcmp(o->verb, ORDER_FAILED) == 0)
		return run_printed(failed, ret_output);
	if (!o->unit)
		return -EINVAL;
	if (strcmp(o->verb, ORDER_ALLOW) == 0)
		return allow(o->unit, o->argument ? o->argument : "");
	if (strcmp(o->verb, ORDER_LET_OUT) == 0)
		return hsm_let_out(o->argument ? o->argument : "");
	if (strcmp(o->verb, ORDER_CALL) == 0)
		return call(o->unit);
	if (strcmp(o->verb, ORDER_ACTIVE) == 0)
		return run("--quiet", "is-active", o->unit, NULL);
	if (strcmp(o->verb, ORDER_START) == 0)
		return start(o->unit);
	return run("--quiet", o->verb, o->unit, NULL);
}

static int ask(const struct order orders[], size_t count, char **ret_output)
{
	_cleanup_buf_ struct buf request, answer;
	char *end;
	long status;
	int r;

	buf_init(&request, REQUEST_MAX);
	buf_init(&answer, ANSWER_MAX);
	for (const struct order *o = orders; o < orders + count; o++)
		buf_addf(&request, "%s%s%s%s%s\n", o->verb, o->unit ? " " : "",
			o->unit ? o->unit : "", o->argument ? " " : "",
			o->argument ? o->argument : "");
	r = request.error;
	if (r == 0)
		r = appliance_ask(
			ORDER_SOCKET, 0, buf_span(&request), ANSWER_MAX, &answer);
	if (r < 0)
		return r;
	status = strtol(answer.data, &end, 10);
	if (end == answer.data || *end != '\n')
		return -EIO;
	*ret_output = strdup(end + 1);
	return *ret_output ? (int)status : -ENOMEM;
}

int order_give_all(const struct order orders[], size_t count, char **ret_output)
{
	_cleanup_(freep) char *output = NULL;
	bool root = geteuid() == 0;
	int r = root || count == 0 ? 0 : ask(orders, count, &output);

	for (size_t i = 0; root && r == 0 && i < count; i++) {
		freep(&output);
		output = NULL;
		r = carry_out(&orders[i], &output);
	}
	if (r != 0)
		return r > 0 ? -EIO : r;
	if (ret_output)
		*ret_output = TAKE(output);
	return 0;
}

int order_give(const struct order *o, char **ret_output)
{
	return order_give_all(o, 1, ret_output);
}

/* Words in their places; the argument is the rest. */
static struct order parse(char *line)
{
	struct order o = { .verb = line };
	char *rest = strchr(line, ' ');

	if (rest) {
		*rest++ = '\0';
		o.unit = rest;
		rest = strchr(rest, ' ');
	}
	if (rest) {
		*rest++ = '\0';
		o.argument = rest;
	}
	return o;
}

/* Return: as carry_out, -EPERM when it is in no table. */
static int serve_line(char *line, char **ret_output)
{
	const struct order o = parse(line);
	int r = order_known(&o) ? carry_out(&o, ret_output) : -EPERM;

	if (r == -EPERM)
		log_event(LOG_WARNING, "appliance.order", NULL,
			"an order that is in no table is refused");
	return r;
}

int order_serve(int fd)
{
	_cleanup_(freep) char *output = NULL;
	_cleanup_buf_ struct buf request, answer;
	char *line, *rest;
	int r;

	buf_init(&request, REQUEST_MAX);
	buf_init(&answer, ANSWER_MAX);
	r = appliance_read(fd, &request);
	if (r < 0)
		return r;
	rest = request.data;
	do {
		line = strsep(&rest, "\n");
		freep(&output);
		output = NULL;
		r = serve_line(line, &output);
	} while (r == 0 && rest && *rest);
	buf_addf(&answer, "%d\n%s", r, output ? output : "");
	return answer.error ? answer.error : fd_write_all(fd, buf_span(&answer));
}
