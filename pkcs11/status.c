/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/status.h"

#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"

#include <string.h>

#define DAY_S 86400

/* By the key of the role; call-backs are signed by that of receipts. */
static uint64_t made(const struct role *role, const struct count_state *state)
{
	uint64_t beside = strcmp(role->name, ROLE_OF_CALLBACKS) == 0
				  ? count_state_of(state, CALLBACKS_NAME)
				  : 0;

	return count_state_of(state, role->name) + beside;
}

/* How many call-backs may be signed in all; 0: there is no limit. */
static uint64_t callbacks_most(const struct roles *roles)
{
	int index = roles_find(roles, ROLE_OF_CALLBACKS);

	return index < 0 ? 0 : roles->list[index].total / 2;
}

static json_t *role_json(const struct role *role, const struct token_view *view, size_t i,
	const struct count_state *state)
{
	int64_t not_after = view->roles[i].not_after;
	json_t *days =
		not_after ? json_integer((not_after - clock_now()) / DAY_S) : json_null();

	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:I, s:I, s:I, s:o, s:o}",
		"role", role->name, "mechanism", role->mechanism->name, "peer",
		role->peer, "usable", view->roles[i].usable, "missing",
		view->roles[i].missing, "reason", json_text(view->roles[i].reason),
		"count", (json_int_t)count_state_of(state, role->name), "made",
		(json_int_t)made(role, state), "total", (json_int_t)role->total,
		"not_after", json_time(not_after), "days_left", days);
}

static json_t *roles_json(const struct signing *s, const struct token_view *view,
	const struct count_state *state)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->roles->count; i++)
		json_array_append_new(
			list, role_json(&s->roles->list[i], view, i, state));
	return list;
}

char *status_json(const struct instance *instance, struct signing *s)
{
	_cleanup_json_ json_t *status = NULL;
	char chain[SHA256_TEXT_SIZE];
	struct activation_view activation;
	struct token_view view;
	struct count_state state;

	token_view(s->token, &view);
	activation_view(token_activation(s->token), &activation);
	count_log_state(s->log, &state);
	hex_encode(state.chain, sizeof(state.chain), chain);
	status = json_pack("{s:s, s:b, s:b, s:b, s:I, s:b, s:b, s:b, s:b, s:s, s:{s:s, "
			   "s:i, s:i, s:b}, "
			   "s:o, s:I, s:I, s:f, s:o, "
			   "s:I, s:I, s:{s:I, s:s}}",
		"token", config_string(instance->config, "signer.token"), "test",
		config_bool(instance->config, "instance.test"), "software", view.software,
		"standby", view.standby, "tokens", (json_int_t)view.tokens, "active",
		view.active, "away", view.state != TOKEN_READY, "inactive",
		view.state == TOKEN_INACTIVE, "custody_unproven", activation.unproven,
		"reason", view.reason, "activation", "mode", activation.mode, "threshold",
		(int)activation.threshold, "entered", (int)activation.entered,
		"deactivated", activation.ended, "roles", roles_json(s, &view, &state),
		"callbacks", (json_int_t)count_state_of(&state, CALLBACKS_NAME),
		"callbacks_most", (json_int_t)callbacks_most(s->roles), "last_sign_ms",
		(double)atomic_load(&s->last_us) / 1000.0, "last_sign_at",
		json_time(atomic_load(&s->last_at)), "unverified",
		(json_int_t)atomic_load(&s->unverified), "openings",
		(json_int_t)view.tries, "log", "position", (json_int_t)state.position,
		"chain", chain);
	return status ? json_dumps(status, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
}
