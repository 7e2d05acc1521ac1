/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/partner_key.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "pkcs11/module.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_MODULE "p11-kit-proxy.so"
#define PIN_MAX 255
#define FILE_SCHEME "file:"

DEFINE_CLEANUP(P11KitUri *, p11_kit_uri_free)

bool partner_key_is_uri(const char *name)
{
	return strncmp(name, P11_KIT_URI_SCHEME ":", P11_KIT_URI_SCHEME_LEN + 1) == 0;
}

static int say(char *text, int error, const char *what, const char *value)
{
	snprintf(text, PARTNER_KEY_TEXT_SIZE, "%s%.120s", what, value);
	return error;
}

/* An attribute of the URI as text, or NULL. */
static const char *label_of(P11KitUri *uri, char text[64])
{
	CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, CKA_LABEL);

	if (!a || a->ulValueLen >= 64)
		return NULL;
	memcpy(text, a->pValue, a->ulValueLen);
	text[a->ulValueLen] = '\0';
	return text;
}

static PKCS11_SLOT *slot_of(const struct module *m, P11KitUri *uri)
{
	PKCS11_SLOT *found = NULL;

	for (unsigned int i = 0; i < m->slot_count; i++) {
		CK_SLOT_ID id = PKCS11_get_slotid_from_slot(&m->slots[i]);
		CK_TOKEN_INFO info;

		if (!m->slots[i].token || m->f->C_GetTokenInfo(id, &info) != CKR_OK ||
			!p11_kit_uri_match_token_info(uri, &info))
			continue;
		if (found)
			return NULL;
		found = &m->slots[i];
	}
	return found;
}

/* Read the PIN's file. Return: 0 or negative. */
static int pin_from(const char *source, char pin[PIN_MAX + 1])
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	if (strncmp(source, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
		source += strlen(FILE_SCHEME);
	if (file_read(source, PIN_MAX, &data, &len) < 0)
		return -EACCES;
	while (len && (data[len - 1] == '\n' || data[len - 1] == '\r'))
		len--;
	memcpy(pin, data, len);
	pin[len] = '\0';
	OPENSSL_cleanse(data, len);
	return 0;
}

static int get_pin(P11KitUri *uri, char pin[PIN_MAX + 1])
{
	const char *value = p11_kit_uri_get_pin_value(uri);
	const char *source = p11_kit_uri_get_pin_source(uri);

	if (value && strlen(value) <= PIN_MAX) {
		memcpy(pin, value, strlen(value) + 1);
		return 0;
	}
	if (source)
		return pin_from(source, pin);
	return EVP_read_pw_string(pin, PIN_MAX, "PIN of the token: ", 0) == 0 ? 0
									      : -EACCES;
}

static int log_in(PKCS11_SLOT *slot, P11KitUri *uri, char *text)
{
	char pin[PIN_MAX + 1] = "";
	int r;

	if (!slot->token->loginRequired)
		return 0;
	r = get_pin(uri, pin);
	if (r < 0)
		return say(text, r, "no PIN can be read", "");
	r = PKCS11_login(slot, 0, pin);
	OPENSSL_cleanse(pin, sizeof(pin));
	return r == 0 ? 0 : say(text, -EACCES, "the token refuses the PIN", "");
}

static bool is_named(const PKCS11_KEY *key, const char *label, const CK_ATTRIBUTE *id)
{
	if (label && (!key->label || strcmp(key->label, label) != 0))
		return false;
	return !id || (key->id_len == id->ulValueLen &&
			      memcmp(key->id, id->pValue, key->id_len) == 0);
}

static int find_key(PKCS11_SLOT *slot, P11KitUri *uri, EVP_PKEY **ret_key, char *text)
{
	const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);
	char buffer[64];
	const char *label = label_of(uri, buffer);
	PKCS11_KEY *keys = NULL, *found = NULL;
	unsigned int count = 0, hits = 0;

	if (PKCS11_enumerate_keys(slot->token, &keys, &count) != 0)
		return say(text, -ENOENT, "the token does not list its keys", "");
	for (unsigned int i = 0; i < count; i++)
		if (is_named(&keys[i], label, id)) {
			found = &keys[i];
			hits++;
		}
	if (hits != 1)
		return say(text, -ENOENT,
			hits ? "several keys are named " : "no key is named ",
			label ? label : "so");
	*ret_key = PKCS11_get_private_key(found);
	return *ret_key ? 0
			: say(text, -ENOENT, "the key cannot be used: ", found->label);
}

int partner_key_open(
	const char *name, EVP_PKEY **ret_key, char ret_text[PARTNER_KEY_TEXT_SIZE])
{
	_cleanup_(p11_kit_uri_freep) P11KitUri *uri = p11_kit_uri_new();
	char why[MODULE_TEXT_SIZE];
	const char *path;
	struct module m;
	PKCS11_SLOT *slot;
	int r;

	if (!uri || p11_kit_uri_parse(name, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK ||
		p11_kit_uri_any_unrecognized(uri))
		return say(ret_text, -EINVAL, "not a PKCS#11 URI", "");
	path = p11_kit_uri_get_module_path(uri);
	if (module_open(path ? path : DEFAULT_MODULE, &m, why) < 0)
		return say(ret_text, -ENODEV, "", why);
	slot = slot_of(&m, uri);
	if (!slot)
		r = say(ret_text, -ENODEV, "no token, or more than one, fits the URI",
			"");
	else
		r = log_in(slot, uri, ret_text);
	if (r == 0)
		r = find_key(slot, uri, ret_key, ret_text);
	if (r < 0)
		module_close(&m);
	return r;
}
