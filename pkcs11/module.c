/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	CK_RV rv;
	const char *text;
	bool lost;
} CKRS[] = {
	{ CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", true },
	{ CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", false },
	{ CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE", false },
	{ CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", true },
	{ CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", false },
	{ CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", true },
	{ CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", true },
	{ CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", false },
	{ CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", false },
	{ CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", true },
	{ CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", true },
	{ CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", false },
	{ CKR_PIN_INVALID, "CKR_PIN_INVALID", false },
	{ CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", false },
	{ CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", false },
	{ CKR_PIN_LOCKED, "CKR_PIN_LOCKED", false },
	{ CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", true },
	{ CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", true },
	{ CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", true },
	{ CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", true },
	{ CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", true },
	{ CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", true },
	{ 0 },
};

/* Tokens of software only, should one of them claim a hardware slot. */
static const char *const SOFTWARE[] = { "softhsm", "kryoptic", "nss ", "gnome",
	"opencryptoki", "soft token", "softtok", "software" };

const char *ckr_text(CK_RV rv)
{
	static _Thread_local char other[32];

	for (size_t i = 0; CKRS[i].text; i++)
		if (CKRS[i].rv == rv)
			return CKRS[i].text;
	snprintf(other, sizeof(other), "CKR 0x%lx", rv);
	return other;
}

bool ckr_lost(CK_RV rv)
{
	for (size_t i = 0; CKRS[i].text; i++)
		if (CKRS[i].rv == rv)
			return CKRS[i].lost;
	return false;
}

/* The module's function list. The handle is never closed: a module's end of life inside a
 * process that goes on is what few modules survive. */
static CK_FUNCTION_LIST *function_list(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	CK_FUNCTION_LIST *f = NULL;
	CK_C_GetFunctionList get = NULL;

	if (!handle)
		return NULL;
	/* POSIX gives functions of a library as object pointers. */
	*(void **)(&get) = dlsym(handle, "C_GetFunctionList");
	if (!get || get(&f) != CKR_OK)
		return NULL;
	return f;
}

static int fail(char ret_text[MODULE_TEXT_SIZE], const char *what, const char *path)
{
	char reason[96];

	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
	snprintf(ret_text, MODULE_TEXT_SIZE, "%s of %.40s failed: %s", what, path,
		ERR_peek_last_error() ? reason : "no reason given");
	ERR_clear_error();
	return -ENODEV;
}

int module_open(
	const char *path, struct module *ret_module, char ret_text[MODULE_TEXT_SIZE])
{
	struct module m = { .f = function_list(path) };

	*ret_module = (struct module){ 0 };
	if (!m.f)
		return fail(ret_text, "loading", path);
	m.ctx = PKCS11_CTX_new();
	if (!m.ctx)
		return fail(ret_text, "a context", path);
	if (PKCS11_CTX_load(m.ctx, path) != 0) {
		PKCS11_CTX_free(m.ctx);
		return fail(ret_text, "C_Initialize", path);
	}
	if (PKCS11_enumerate_slots(m.ctx, &m.slots, &m.slot_count) != 0) {
		m.slots = NULL;
		module_close(&m);
		return fail(ret_text, "listing the slots", path);
	}
	*ret_module = m;
	return 0;
}

void module_close(struct module *m)
{
	if (!m->ctx)
		return;
	if (m->slots)
		PKCS11_release_all_slots(m->ctx, m->slots, m->slot_count);
	PKCS11_CTX_unload(m->ctx);
	PKCS11_CTX_free(m->ctx);
	ERR_clear_error();
	*m = (struct module){ 0 };
}

PKCS11_SLOT *module_find_token(const struct module *m, const char *label)
{
	PKCS11_SLOT *found = NULL;

	for (unsigned int i = 0; i < m->slot_count; i++) {
		PKCS11_SLOT *s = &m->slots[i];

		if (!s->token || !s->token->initialized || !s->token->label ||
			strcmp(s->token->label, label) != 0)
			continue;
		if (found)
			return NULL;
		found = s;
	}
	return found;
}

PKCS11_SLOT *module_find_blank(const struct module *m)
{
	for (unsigned int i = 0; i < m->slot_count; i++)
		if (m->slots[i].token && !m->slots[i].token->initialized)
			return &m->slots[i];
	return NULL;
}

/* PKCS#11 texts are padded with blanks and have no NUL. */
static bool names_software(const CK_UTF8CHAR *text, size_t len)
{
	char copy[65] = { 0 };

	memcpy(copy, text, len < sizeof(copy) ? len : sizeof(copy) - 1);
	for (size_t i = 0; i < sizeof(SOFTWARE) / sizeof(SOFTWARE[0]); i++)
		if (strcasestr(copy, SOFTWARE[i]))
			return true;
	return false;
}

bool module_is_software(const struct module *m, CK_SLOT_ID slot)
{
	CK_SLOT_INFO s;
	CK_TOKEN_INFO t;

	if (m->f->C_GetSlotInfo(slot, &s) != CKR_OK ||
		m->f->C_GetTokenInfo(slot, &t) != CKR_OK)
		return true;
	return !(s.flags & CKF_HW_SLOT) ||
	       names_software(t.manufacturerID, sizeof(t.manufacturerID)) ||
	       names_software(t.model, sizeof(t.model)) ||
	       names_software(s.slotDescription, sizeof(s.slotDescription));
}

CK_RV object_find(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	const struct object_query *query, CK_OBJECT_HANDLE *ret_handles, size_t max,
	size_t *ret_count)
{
	CK_OBJECT_CLASS class = query->class;
	CK_ATTRIBUTE a[3] = { { CKA_CLASS, &class, sizeof(class) } };
	CK_ULONG n = 1, found = 0;
	CK_RV rv;

	if (query->label)
		a[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)query->label,
			strlen(query->label) };
	if (query->id)
		a[n++] = (CK_ATTRIBUTE){ CKA_ID, (void *)(uintptr_t)query->id,
			query->id_len };
	*ret_count = 0;
	rv = f->C_FindObjectsInit(session, a, n);
	if (rv != CKR_OK)
		return rv;
	rv = f->C_FindObjects(session, ret_handles, max, &found);
	f->C_FindObjectsFinal(session);
	if (rv == CKR_OK)
		*ret_count = found;
	return rv;
}

CK_RV object_octets(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *ret_data, size_t size,
	size_t *ret_len)
{
	CK_ATTRIBUTE a = { type, ret_data, size };
	CK_RV rv = f->C_GetAttributeValue(session, object, &a, 1);

	if (rv != CKR_OK)
		return rv;
	if (a.ulValueLen > size)
		return CKR_BUFFER_TOO_SMALL;
	*ret_len = a.ulValueLen;
	return CKR_OK;
}

CK_RV object_bool(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, bool *ret_value)
{
	CK_BBOOL value = CK_FALSE;
	size_t len = 0;
	CK_RV rv = object_octets(f, session, object, type, &value, sizeof(value), &len);

	if (rv != CKR_OK)
		return rv;
	if (len != sizeof(value))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	*ret_value = value != CK_FALSE;
	return CKR_OK;
}
