/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/listing.h"

#include "common/json.h"
#include "pkcs11/custody.h"
#include "pkcs11/opening.h"
#include "pkcs11/public_key.h"
#include "pki/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define OTHERS_MAX 64 /* keys of no role that are named */

/* Where one role is looked at. */
struct sight {
	const struct instance *instance;
	const struct key_place *place;
	const struct role *role;
	json_t *json;
	const char *next; /* what comes next, or NULL */
};

/* PKCS#11 texts are padded with blanks. */
static json_t *padded(const CK_UTF8CHAR *text, size_t len)
{
	char copy[65] = { 0 };

	while (len && text[len - 1] == ' ')
		len--;
	memcpy(copy, text, len < sizeof(copy) ? len : sizeof(copy) - 1);
	return json_text(copy);
}

static json_t *device_json(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO s;
	CK_TOKEN_INFO t;
	char firmware[16];

	if (f->C_GetSessionInfo(session, &s) != CKR_OK ||
		f->C_GetTokenInfo(s.slotID, &t) != CKR_OK)
		return json_null();
	snprintf(firmware, sizeof(firmware), "%u.%u", t.firmwareVersion.major,
		t.firmwareVersion.minor);
	return json_pack("{s:o, s:o, s:o, s:s}", "manufacturer",
		padded(t.manufacturerID, sizeof(t.manufacturerID)), "model",
		padded(t.model, sizeof(t.model)), "serial",
		padded(t.serialNumber, sizeof(t.serialNumber)), "firmware", firmware);
}

static json_t *custody_json(const struct instance *instance, const char *file)
{
	char path[PATH_MAX];
	struct custody c;
	json_t *people;

	if (instance_path(instance, file, path) < 0 || custody_read(path, &c) < 0)
		return json_null();
	people = json_array();
	for (size_t i = 0; i < c.count; i++)
		json_array_append_new(people, json_text(c.people[i].name));
	return json_pack("{s:i, s:o}", "threshold", (int)c.threshold, "people", people);
}

static json_t *certificate_json(const X509 *c)
{
	_cleanup_(freep) char *subject = pki_name_text(X509_get_subject_name(c));
	_cleanup_(freep) char *issuer = pki_name_text(X509_get_issuer_name(c));
	_cleanup_(freep) char *serial = pki_serial_text(c);
	char sha256[SHA256_TEXT_SIZE] = "";
	int64_t not_before = 0, not_after = 0;

	(void)pki_certificate_sha256(c, sha256);
	(void)pki_certificate_validity(c, &not_before, &not_after);
	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "subject", json_text(subject),
		"issuer", json_text(issuer), "serial", json_text(serial), "sha256",
		sha256, "not_before", json_time(not_before), "not_after",
		json_time(not_after));
}

/* How many certificates are beside it, and whether the first is its issuer's. */
static int look_at_chain(const struct sight *s, X509 *own, bool *ret_fits)
{
	X509 *chain[CHAIN_MAX] = { NULL };
	char path[PATH_MAX];
	int n = opening_chain_path(s->instance, s->role, path);

	if (n == 0)
		n = certificates_read(path, chain, CHAIN_MAX);
	*ret_fits = n == 0 || (n > 0 && X509_check_issued(chain[0], own) == X509_V_OK);
	for (int i = 0; i < n; i++)
		X509_free(chain[i]);
	ERR_clear_error();
	return n;
}

static void add_certificate(struct sight *s, const EVP_PKEY *key)
{
	X509 *own = NULL;
	char why[KEY_TEXT_SIZE];
	size_t count = 0;
	bool fits;
	int n;

	if (key_certificate(s->place, s->role, &own, &count, why) < 0) {
		json_object_set_new(s->json, "certificate", json_null());
		s->next = "hsm csr ROLE, have it certified, hsm import ROLE FILE.pem; or "
			  "hsm remove ROLE sha256:KEY";
		return;
	}
	n = look_at_chain(s, own, &fits);
	json_object_set_new(s->json, "certificate", certificate_json(own));
	json_object_set_new(s->json, "chain", json_integer(n < 0 ? 0 : n));
	if (count > 1 || n < 0 || !fits)
		s->next = "hsm import ROLE FILE.pem once more: it was interrupted";
	if (EVP_PKEY_eq(X509_get0_pubkey(own), key) != 1)
		s->next = "hsm import ROLE FILE.pem with the certificate of this key";
	X509_free(own);
}

static json_t *role_json(const struct instance *instance, const struct key_place *place,
	const struct role *role)
{
	char sha256[SHA256_TEXT_SIZE];
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key =
		public_key_read(place->module->f, place->session, role->label, sha256);
	struct sight s = { instance, place, role, json_object(), NULL };

	json_object_set_new(s.json, "role", json_text(role->name));
	json_object_set_new(s.json, "label", json_text(role->label));
	json_object_set_new(s.json, "kind", json_text(role->key->name));
	json_object_set_new(s.json, "key", key ? json_text(sha256) : json_null());
	if (!key)
		s.next = "hsm keys";
	else if (!key_kind_is(role->key, key))
		s.next = "hsm remove ROLE sha256:KEY: it is of another kind";
	if (key)
		add_certificate(&s, key);
	json_object_set_new(s.json, "next", json_text(s.next));
	return s.json;
}

static bool of_a_role(const struct roles *roles, const char *label)
{
	for (size_t i = 0; i < roles->count; i++)
		if (strcmp(roles->list[i].label, label) == 0)
			return true;
	return false;
}

/* Labels of private keys that are no role's: of the past, or somebody else's. */
static json_t *others_json(const struct key_place *place, const struct roles *roles)
{
	CK_FUNCTION_LIST *f = place->module->f;
	CK_OBJECT_HANDLE found[OTHERS_MAX];
	json_t *others = json_array();
	size_t count = 0;

	(void)object_find(f, place->session,
		&(struct object_query){ CKO_PRIVATE_KEY, NULL, NULL, 0 }, found,
		OTHERS_MAX, &count);
	for (size_t i = 0; i < count; i++) {
		char label[ROLE_LABEL_SIZE] = "";
		size_t len = 0;

		if (object_octets(f, place->session, found[i], CKA_LABEL, label,
			    sizeof(label) - 1, &len) != CKR_OK)
			len = 0;
		label[len] = '\0';
		if (!of_a_role(roles, label))
			json_array_append_new(others, json_text(label));
	}
	return others;
}

static json_t *roles_json(const struct instance *instance, struct signing *s,
	const struct key_place *place, const struct token_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->roles->count; i++) {
		const struct role *role = &s->roles->list[i];
		json_t *json = role_json(instance, place, role);

		json_object_set_new(json, "usable", json_boolean(view->roles[i].usable));
		json_object_set_new(json, "reason", json_text(view->roles[i].reason));
		json_array_append_new(list, json);
	}
	return list;
}

static const char *next_of(const json_t *all)
{
	if (json_is_true(json_object_get(all, "active")))
		return "see the roles";
	return json_is_null(json_object_get(all, "custody")) &&
			       json_is_null(json_object_get(all, "custody_unproven"))
		       ? "hsm custody FILE, then hsm activate NAME, each custodian"
		       : "hsm activate NAME, each custodian";
}

json_t *listing_json(const struct instance *instance, struct signing *s)
{
	struct token_lease lease;
	struct token_view view;
	json_t *all;
	int r = token_lend_first(s->token, &lease);

	token_view(s->token, &view);
	all = json_pack("{s:s, s:b, s:s, s:o, s:o}", "token",
		config_string(instance->config, "signer.token"), "active", r == 0,
		"reason",
		r == -EBUSY ? "every session is in use: ask again" : view.reason,
		"custody", custody_json(instance, CUSTODY_FILE), "custody_unproven",
		custody_json(instance, CUSTODY_NEXT_FILE));
	if (r == 0) {
		struct module module = { .f = lease.f };
		struct key_place place = { &module, NULL, lease.session };

		json_object_set_new(all, "software", json_boolean(view.software));
		json_object_set_new(all, "device", device_json(lease.f, lease.session));
		json_object_set_new(all, "roles", roles_json(instance, s, &place, &view));
		json_object_set_new(all, "others", others_json(&place, s->roles));
		(void)token_return(s->token, &lease, CKR_OK);
	}
	json_object_set_new(all, "next", json_text(next_of(all)));
	return all;
}
