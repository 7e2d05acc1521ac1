/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/opening.h"

#include "pkcs11/pin.h"
#include "pkcs11/pool.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void opening_keys_done(struct role_key keys[ROLES_MAX])
{
	for (size_t i = 0; i < ROLES_MAX; i++)
		role_key_done(&keys[i]);
}

static enum token_state end(struct opening *o, enum token_state state, const char *what)
{
	o->state = state;
	if (what)
		snprintf(o->reason, sizeof(o->reason), "%s", what);
	return state;
}

static enum token_state end_rv(struct opening *o, const char *call, CK_RV rv)
{
	snprintf(o->reason, sizeof(o->reason), "%s: %s", call, ckr_text(rv));
	return end(o, TOKEN_AWAY, NULL);
}

enum token_state opening_sessions(
	const struct opening_of *t, struct opening *o, CK_SLOT_ID slot)
{
	size_t before = o->session_count;
	size_t want = before + (size_t)config_int(t->instance->config, "signer.threads");

	for (; o->session_count < want && o->session_count < SESSIONS_MAX;
		o->session_count++) {
		CK_RV rv = o->module.f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL,
			NULL, &o->sessions[o->session_count]);

		/* A device with fewer sessions than wanted is used as it is. */
		if (rv == CKR_SESSION_COUNT && o->session_count > before)
			break;
		if (rv != CKR_OK)
			return end_rv(o, "C_OpenSession", rv);
		o->token_of[o->session_count] = (uint8_t)o->token_count;
	}
	return TOKEN_READY;
}

/* The login failed. */
static enum token_state not_active(struct opening *o, int r, CK_RV rv, const char *whose)
{
	if (r == -EAGAIN)
		return end_rv(o, "C_Login", rv);
	if (r == -EACCES)
		snprintf(o->reason, sizeof(o->reason), "the token refused the PIN; %s",
			whose);
	else
		snprintf(o->reason, sizeof(o->reason), "the PIN cannot be read: %s",
			strerror(-r));
	return end(o, TOKEN_INACTIVE, NULL);
}

/* A credential is another file after every start; what the appliance has sealed it from
 * is not. */
static bool sealed_pin(
	const struct instance *instance, const char *name, char ret_path[PATH_MAX])
{
	char id[INSTANCE_CREDENTIAL_SIZE], file[INSTANCE_CREDENTIAL_SIZE + 32];

	if (instance_credential(name, id) < 0)
		return false;
	(void)snprintf(file, sizeof(file), INSTANCE_SEALED "/signer/%s",
		id + strlen(INSTANCE_CREDENTIAL));
	return instance_path(instance, file, ret_path) == 0 &&
	       access(ret_path, F_OK) == 0;
}

static enum token_state activate_by_file(const struct opening_of *t, struct opening *o)
{
	char pin[PATH_MAX], sealed[PATH_MAX], marker[PATH_MAX];
	struct pin_files files = { .pin = pin, .known_by = pin, .marker = marker };
	const char *name = config_string(t->instance->config, "signer.pin_file");
	CK_RV rv = CKR_OK;
	int r = instance_secret(t->instance, name, pin);

	if (r == 0 && sealed_pin(t->instance, name, sealed))
		files.known_by = sealed;
	if (r == 0)
		r = instance_path(t->instance, PIN_MARKER_FILE, marker);
	if (r == 0)
		r = pin_login(o->module.f, o->sessions[0], &files, &rv);
	if (r < 0)
		return not_active(o, r, rv,
			"it is not tried again before the credential file changes");
	o->active = true;
	return TOKEN_READY;
}

static enum token_state activate_spare(const struct opening_of *t, struct opening *o)
{
	const char *why;

	if (!pool_log_in(t, o, o->sessions[0], o->spare, &why))
		return end(o, TOKEN_AWAY, why);
	o->active = true;
	return TOKEN_READY;
}

static enum token_state activate(const struct opening_of *t, struct opening *o)
{
	char pin[PIN_SIZE], text[ACTIVATION_TEXT_SIZE];
	CK_RV rv = CKR_OK;
	int r;

	if (o->spare)
		return activate_spare(t, o);
	if (activation_auto(t->activation))
		return activate_by_file(t, o);
	if (activation_pin(t->activation, pin, text) < 0)
		return end(o, TOKEN_INACTIVE, text);
	r = pin_login_with(o->module.f, o->sessions[0], pin, &rv);
	if (r == -EACCES)
		activation_wrong(t->activation, pin);
	else if (r == 0)
		activation_proven(t->activation, pin);
	OPENSSL_cleanse(pin, sizeof(pin));
	if (r < 0)
		return not_active(o, r, rv, "it is forgotten");
	o->active = true;
	return TOKEN_READY;
}

int opening_chain_path(
	const struct instance *instance, const struct role *role, char ret_path[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), CHAIN_FILE, role->name);
	return instance_path(instance, name, ret_path);
}

static enum token_state load_keys(
	const struct opening_of *t, struct opening *o, PKCS11_SLOT *slot)
{
	struct key_place place = { &o->module, slot, o->sessions[0] };

	for (size_t i = 0; i < t->roles->count; i++) {
		const struct role *role = &t->roles->list[i];
		char path[PATH_MAX];
		int r = opening_chain_path(t->instance, role, path);

		if (r == 0)
			r = key_load(&place, role, path, &o->keys[i]);
		if (r == 0 || r == -ENOENT)
			continue;
		snprintf(o->reason, sizeof(o->reason), "role %s: %s", role->name,
			o->keys[i].reason);
		return end(o, r == -EPERM ? TOKEN_FORBIDDEN : TOKEN_AWAY, NULL);
	}
	return TOKEN_READY;
}

static enum token_state open_slot(
	const struct opening_of *t, struct opening *o, PKCS11_SLOT *slot)
{
	CK_SLOT_ID id = PKCS11_get_slotid_from_slot(slot);
	enum token_state state;

	o->software = module_is_software(&o->module, id);
	if (o->software && !config_bool(t->instance->config, "instance.test"))
		return end(
			o, TOKEN_FORBIDDEN, "a software token in a production instance");
	state = opening_sessions(t, o, id);
	if (state == TOKEN_READY)
		state = activate(t, o);
	if (state == TOKEN_READY)
		state = load_keys(t, o, slot);
	if (state != TOKEN_READY)
		return end(o, state, NULL);
	o->reason[0] = '\0';
	for (size_t i = 0; i < t->roles->count; i++)
		o->handles[0][i] = o->keys[i].handle;
	o->slots[0] = id;
	o->token_count = 1;
	pool_join(t, o);
	return end(o, TOKEN_READY, NULL);
}

static enum token_state open_token(
	const struct opening_of *t, struct opening *o, const char *label)
{
	PKCS11_SLOT *slot;

	if (module_open(config_string(t->instance->config, "signer.module"), &o->module,
		    o->reason) < 0)
		return end(o, TOKEN_AWAY, NULL);
	slot = module_find_token(&o->module, label);
	if (slot)
		return open_slot(t, o, slot);
	snprintf(o->reason, sizeof(o->reason),
		"there is no token, or more than one, with the label %.32s", label);
	return end(o, TOKEN_AWAY, NULL);
}

static void opening_undo(struct opening *o)
{
	module_close(&o->module);
	opening_keys_done(o->keys);
	o->session_count = o->token_count = o->spare = 0;
	o->active = o->incomplete = false;
}

/* The first of the pool that can be opened: not one that refused the PIN, and not one
 * that had another key when the first was there. */
static enum token_state open_spare(const struct opening_of *t, struct opening *o)
{
	enum token_state state = TOKEN_AWAY;
	char label[POOL_LABEL_SIZE];
	size_t at = 0;

	for (size_t i = 1; i < POOL_MAX && state != TOKEN_READY; i++) {
		if (!pool_next(t->instance, &at, label))
			break;
		if (t->marks[i].refused || t->marks[i].other_key)
			continue;
		opening_undo(o);
		o->spare = i;
		state = open_token(t, o, label);
	}
	return state;
}

/* When the first is away: one of the pool, or the one that stands by. */
static enum token_state open_another(const struct opening_of *t, struct opening *o)
{
	const char *standby = config_string(t->instance->config, "signer.standby");
	enum token_state state = open_spare(t, o);

	if (state == TOKEN_READY)
		return state;
	opening_undo(o);
	if (!*standby)
		return TOKEN_AWAY;
	state = open_token(t, o, standby);
	o->standby = state == TOKEN_READY;
	return state;
}

static enum token_state open_any(const struct opening_of *t, struct opening *o)
{
	enum token_state state =
		open_token(t, o, config_string(t->instance->config, "signer.token"));
	char reason[TOKEN_TEXT_SIZE];

	if (state != TOKEN_AWAY)
		return state;
	memcpy(reason, o->reason, sizeof(reason));
	state = open_another(t, o);
	if (state == TOKEN_AWAY)
		memcpy(o->reason, reason, sizeof(reason));
	return end(o, state, NULL);
}

enum token_state opening_run(const struct opening_of *t, struct opening *ret)
{
	enum token_state state = open_any(t, ret);

	if (state != TOKEN_READY)
		opening_undo(ret);
	return state;
}
