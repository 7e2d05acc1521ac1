/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/ipc.h"
#include "common/json.h"
#include "connectors/profile.h"
#include "evidence/in_use.h"
#include "pkcs11/client.h"
#include "queue/alive.h"
#include "queue/forecast.h"
#include "trust/supplied.h"
#include "web/crl_ends.h"

#include <string.h>

#define DISK_LOW (512ll * 1024 * 1024)

/* Before the end of a key's certificate: said at each, red at the last. */
static const int KEY_DAYS[] = { 90, 30, 7 };
#define KEY_STEPS (sizeof(KEY_DAYS) / sizeof(KEY_DAYS[0]))

json_t *signer_state(const struct visit *v)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];

	if (instance_socket(v->admin->instance, "signer", path) < 0 ||
		signer_connect(path, SIGNER_TIMEOUT_MS, &signer) < 0 ||
		signer_status(signer, &text) < 0)
		return NULL;
	return json_read(span_str(text), LIMIT_REPORT);
}

/* A check: {"ok", "message", "fix"}; the message names the state, the fix the way back.
 */
json_t *check(bool ok, const char *message, const char *fix)
{
	return json_pack(
		"{s:b, s:s, s:s}", "ok", ok, "message", message, "fix", ok ? "" : fix);
}

/* How many of the steps the certificate that ends first has passed. */
static size_t keys_expire(const json_t *signer)
{
	const json_t *role;
	size_t i, passed = 0;

	json_array_foreach(json_object_get(signer, "roles"), i, role)
	{
		const json_t *days = json_object_get(role, "days_left");

		while (json_is_number(days) && passed < KEY_STEPS &&
			json_number_value(days) < KEY_DAYS[passed])
			passed++;
	}
	return passed;
}

/* The token signs: for how long? */
static json_t *keys_check(const json_t *signer)
{
	size_t passed = keys_expire(signer);
	char message[100];
	json_t *c;

	if (!passed)
		return check(true, "the token signs", "");
	snprintf(message, sizeof(message),
		"the token signs; a key's certificate ends within %d days",
		KEY_DAYS[passed - 1]);
	c = check(passed < KEY_STEPS, message,
		"Have a new certificate issued, publish it (policies/signature/"
		"rollover.cfg) and import it (sealgate hsm).");
	if (c)
		json_object_set_new(
			c, "warning_days", json_integer(KEY_DAYS[passed - 1]));
	return c;
}

static json_t *signer_check(const json_t *signer)
{
	json_t *c;

	if (!signer)
		return check(false,
			"the signer does not answer: nothing is acknowledged or sealed",
			"The supervisor starts it again; see its log.");
	if (!json_is_true(json_object_get(signer, "active")) ||
		!json_is_false(json_object_get(signer, "away")))
		c = check(false, "the token is away: nothing is acknowledged or sealed",
			"Bring the token back; the signer takes it up by itself.");
	else
		c = keys_check(signer);
	if (c)
		json_object_set(c, "status",
			json_object_get((json_t *)(uintptr_t)signer, "roles"));
	return c;
}

static json_t *queue_check(const json_t *figures)
{
	const char *last = json_string_of(figures, "clock_behind");
	char message[160], fix[160];

	if (!figures)
		return check(false, "the queue does not answer: nothing is acknowledged",
			"The supervisor starts it again; see its log.");
	if (!last)
		return check(true, "the queue answers", "");
	snprintf(message, sizeof(message),
		"the clock is behind the last audit record, of %s: nothing is "
		"acknowledged, sealed or sent",
		last);
	snprintf(fix, sizeof(fix),
		"Set the clock right. When it is right and that record is wrong: "
		"sealgate queue accept-clock %s",
		last);
	return check(false, message, fix);
}

static json_t *disk_check(const json_t *figures)
{
	json_int_t left = json_integer_value(json_object_get(figures, "disk_free"));

	return !figures || left < DISK_LOW
		       ? check(false, "the disk of the queue is nearly full, or unknown",
				 "Free room; nothing is acknowledged once it is full.")
		       : check(true, "there is room", "");
}

static json_t *ledger_check(const json_t *figures)
{
	const json_t *ledger = json_object_get(figures, "ledger");

	return !json_is_true(json_object_get(ledger, "balanced")) ||
			       json_integer_value(json_object_get(ledger, "mismatches"))
		       ? check(false, "the ledger does not balance, or is unknown",
				 "See sealgate ledger --check for the documents.")
		       : check(true, "all that was acknowledged is accounted for", "");
}

static json_t *worker_check(const struct visit *v, const json_t *figures,
	const char *program, const char *lease)
{
	int64_t seconds;

	if (queue_alive(figures, program, config_int(v->admin->instance->config, lease),
		    &seconds))
		return check(true, "it asks for work", "");
	return check(false,
		seconds < 0 ? "whether it asks for work is unknown"
			    : "it has not asked for work for minutes: nothing moves",
		"The supervisor starts it again; see its log. What waits is kept.");
}

/* Without destinations forward has nothing to ask for. */
static json_t *forward_check(const struct visit *v, const json_t *figures)
{
	_cleanup_(profiles_freep) struct profiles *profiles = NULL;
	_cleanup_(freep) char *error = NULL;

	if (profiles_load(v->admin->policies, &profiles, &error) == 0 &&
		profiles->count == 0)
		return check(true, "there are no destinations", "");
	return worker_check(v, figures, "forward", "forward.lease_s");
}

static json_t *verify_check(const struct visit *v)
{
	char path[PATH_MAX];
	_cleanup_(closep) int socket = -1;

	if (instance_socket(v->admin->instance, "verify", path) == 0)
		socket = ipc_connect(path, SIGNER_TIMEOUT_MS);
	return socket >= 0
		       ? check(true, "verification answers", "")
		       : check(false, "verification does not answer: nothing is decided",
				 "The supervisor starts it again; see its log.");
}

/* What judges goes on with the policy that it has read, until it starts anew. */
static json_t *policy_check(const struct visit *v)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	char message[512];

	if (policy_load(v->admin->policies, &policy, &error) == 0)
		return check(true, "the policy in force can be read", "");
	snprintf(message, sizeof(message), "the policy in force cannot be read: %s",
		error ? error : "memory");
	return check(
		false, message, "sealgate policy rollback goes back to the one before.");
}

/* What is fetched must stay in date: after its end documents are held or refused. */
static json_t *supply_check(const struct visit *v)
{
	char folder[PATH_MAX], name[SUPPLIED_NAME_SIZE], message[160];
	int r = instance_path(v->admin->instance, "state/trust", folder);

	if (r == 0)
		r = trust_supplied(folder, clock_now(), name);
	if (r == 1)
		return check(true, "what is fetched is in date", "");
	if (r < 0)
		return check(false, "whether what is fetched is in date is unknown",
			"See state/trust/supply.json and the log of sealgate-trustd.");
	snprintf(message, sizeof(message),
		"%s is out of date, or never came: documents wait or are refused", name);
	return check(false, message,
		"sealgate trust supply says why; sealgate trust publish takes a file.");
}

static const json_t *part(const json_t *checks, const char *name, const char *key)
{
	return json_object_get(json_object_get(checks, name), key);
}

/* What is no failure yet. */
static json_t *warnings(const struct visit *v, const json_t *figures,
	const json_t *signer, const json_t *checks)
{
	json_t *list;
	const struct config *c = v->admin->instance->config;
	const struct forecast_bounds bounds = { config_int(c, "warn.disk_hours"),
		config_int(c, "warn.backlog_s"), config_int(c, "warn.drain_s") };

	list = forecast_warnings(figures, &bounds);
	return list && budget_warn(list, signer) == 0 &&
			       in_use_warn(list, part(checks, "certificates", "roles")) ==
				       0 &&
			       crl_ends_warn(list, part(checks, "revocation", "crls")) ==
				       0
		       ? list
		       : NULL;
}

json_t *health_checks(const struct visit *v, const json_t *signer, const json_t *figures)
{
	json_t *clock, *store, *certificates;

	trust_checks(v, &clock, &store, &certificates);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o}",
		"certificates", certificates, "revocation", revocation_check(v), "policy",
		policy_check(v), "clock", clock, "time_stamps", stamps_check(v, figures),
		"signer", signer_check(signer), "queue", queue_check(figures), "disk",
		disk_check(figures), "ledger", ledger_check(figures), "verify",
		verify_check(v), "store", store, "supply", supply_check(v), "seal",
		worker_check(v, figures, "seal", "seal.lease_s"), "forward",
		forward_check(v, figures));
}

void health_get(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *signer = signer_state(v), *figures = queue_figures(v);
	json_t *checks = health_checks(v, signer, figures), *c;
	bool ok = checks != NULL;
	const char *name;

	(void)rest;
	json_object_foreach(checks, name, c) ok =
		ok && json_is_true(json_object_get(c, "ok"));
	response_json(v->response, ok ? 200 : 503, TYPE_JSON,
		json_pack("{s:o, s:s, s:b, s:o}", "warnings",
			warnings(v, figures, signer, checks), "status",
			ok ? "ok" : "failing", "test",
			config_bool(v->admin->instance->config, "instance.test"),
			"checks", checks));
}
