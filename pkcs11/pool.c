/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/pool.h"

#include "pkcs11/pin.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define SEPARATORS ", "

bool pool_next(
	const struct instance *instance, size_t *ret_at, char ret_label[POOL_LABEL_SIZE])
{
	const char *text = config_string(instance->config, "signer.pool") + *ret_at;
	size_t skip = strspn(text, SEPARATORS), len = strcspn(text + skip, SEPARATORS);

	*ret_at += skip + len;
	if (len == 0)
		return false;
	/* A label that is too long is that of no token. */
	snprintf(ret_label, POOL_LABEL_SIZE, "%.*s", (int)len, text + skip);
	return true;
}

bool pool_log_in(const struct opening_of *t, struct opening *o, CK_SESSION_HANDLE session,
	size_t spare, const char **ret_why)
{
	bool *refused = &t->marks[spare].refused;
	char pin[PIN_SIZE], path[PATH_MAX], text[ACTIVATION_TEXT_SIZE];
	CK_RV rv = CKR_OK;
	int r = 0;

	*ret_why = "it refused the PIN and is not asked again before the signer starts";
	if (*refused)
		return false;
	*ret_why = "there is no PIN for it";
	if (!activation_auto(t->activation))
		r = activation_pin(t->activation, pin, text);
	else if (instance_secret(t->instance,
			 config_string(t->instance->config, "signer.pin_file"), path) < 0)
		return false;
	else
		r = pin_read(path, pin);
	if (r < 0)
		return false;
	r = pin_login_with(o->module.f, session, pin, &rv);
	OPENSSL_cleanse(pin, sizeof(pin));
	*refused = r == -EACCES;
	*ret_why = *refused ? "it refused the PIN" : ckr_text(rv);
	return r == 0;
}

/* Every key that the first one has. Return: false with why. */
static bool same_keys(const struct opening_of *t, struct opening *o,
	const struct key_place *place, char ret_why[KEY_TEXT_SIZE])
{
	for (size_t i = 0; i < t->roles->count; i++) {
		CK_OBJECT_HANDLE *handle = &o->handles[o->token_count][i];

		*handle = CK_INVALID_HANDLE;
		if (o->keys[i].usable && key_same(place, &t->roles->list[i], &o->keys[i],
						 handle, ret_why) < 0)
			return false;
	}
	return true;
}

static bool in_use(const struct opening *o, CK_SLOT_ID id)
{
	for (size_t i = 0; i < o->token_count; i++)
		if (o->slots[i] == id)
			return true;
	return false;
}

static bool join_slot(const struct opening_of *t, struct opening *o, PKCS11_SLOT *slot,
	size_t spare, char ret_why[KEY_TEXT_SIZE])
{
	CK_SLOT_ID id = PKCS11_get_slotid_from_slot(slot);
	size_t before = o->session_count;
	const char *why = "it is a software token";
	struct key_place place = { .module = &o->module, .slot = slot };

	if (module_is_software(&o->module, id) &&
		!config_bool(t->instance->config, "instance.test")) {
		snprintf(ret_why, KEY_TEXT_SIZE, "%s", why);
		return false;
	}
	why = "it gives no session";
	if (opening_sessions(t, o, id) == TOKEN_READY && o->session_count > before) {
		place.session = o->sessions[before];
		if (pool_log_in(t, o, place.session, spare, &why)) {
			t->marks[spare].other_key = !same_keys(t, o, &place, ret_why);
			return !t->marks[spare].other_key;
		}
	}
	snprintf(ret_why, KEY_TEXT_SIZE, "%s", why);
	return false;
}

static void join(const struct opening_of *t, struct opening *o, const char *label,
	PKCS11_SLOT *slot, size_t spare)
{
	CK_SLOT_ID id = slot ? PKCS11_get_slotid_from_slot(slot) : 0;
	size_t before = o->session_count;
	char why[KEY_TEXT_SIZE] = "it is not there";

	if (slot && join_slot(t, o, slot, spare, why)) {
		o->slots[o->token_count++] = id;
		o->software = o->software || module_is_software(&o->module, id);
		return;
	}
	/* Nobody uses a session while the token is opened. */
	if (slot)
		o->module.f->C_CloseAllSessions(id);
	o->session_count = before;
	o->incomplete = true;
	snprintf(o->reason, sizeof(o->reason), "without token %.32s of the pool: %.90s",
		label, why);
}

void pool_join(const struct opening_of *t, struct opening *ret)
{
	char label[POOL_LABEL_SIZE];
	size_t at = 0;

	if (!pool_next(t->instance, &at, label))
		return;
	at = 0;
	snprintf(label, sizeof(label), "%s",
		config_string(t->instance->config, "signer.token"));
	/* The first one may stand outside of the pool: there is no room for one more
	 * then. */
	for (size_t i = 0; i < POOL_MAX && ret->token_count < POOL_MAX; i++) {
		PKCS11_SLOT *slot = module_find_token(&ret->module, label);

		if (!slot || !in_use(ret, PKCS11_get_slotid_from_slot(slot)))
			join(t, ret, label, slot, i);
		if (!pool_next(t->instance, &at, label))
			return;
	}
}
