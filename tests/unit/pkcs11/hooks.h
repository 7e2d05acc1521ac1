/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Faults of the module: entries of SoftHSM's function list replaced; never a module of
 * our own.
 */
#ifndef SEALGATE_TESTS_PKCS11_HOOKS_H
#define SEALGATE_TESTS_PKCS11_HOOKS_H

#include "fixture.h"

#include <stdatomic.h>
#include <sys/resource.h>

static CK_FUNCTION_LIST *module, original;
static struct {
	atomic_ulong fail_once; /* answer of the next C_Sign */
	atomic_bool corrupt;	/* every signature gets a wrong bit */
	atomic_bool hardware;
	atomic_bool full;    /* no file can be written once the token answered a login */
	atomic_uint slow_us; /* every C_Sign takes so long */
	atomic_int logins;
	atomic_int signing;	  /* threads inside C_Sign */
	atomic_int closed_in_use; /* C_Finalize or C_CloseSession with threads inside */
} hook;

static UNUSED CK_RV hook_sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG len,
	CK_BYTE_PTR value, CK_ULONG_PTR value_len)
{
	CK_RV rv, wanted = atomic_exchange(&hook.fail_once, CKR_OK);

	atomic_fetch_add(&hook.signing, 1);
	usleep(atomic_load(&hook.slow_us));
	rv = original.C_Sign(session, data, len, value, value_len);
	atomic_fetch_sub(&hook.signing, 1);
	if (rv == CKR_OK && atomic_load(&hook.corrupt))
		value[*value_len / 2] ^= 0x10;
	return wanted != CKR_OK ? wanted : rv;
}

static UNUSED CK_RV hook_login(
	CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	CK_RV rv = original.C_Login(session, user, pin, len);
	struct rlimit full = { .rlim_cur = 10, .rlim_max = RLIM_INFINITY };

	atomic_fetch_add(&hook.logins, 1);
	if (atomic_load(&hook.full))
		setrlimit(RLIMIT_FSIZE, &full);
	return rv;
}

static UNUSED CK_RV hook_finalize(void *reserved)
{
	if (atomic_load(&hook.signing))
		atomic_fetch_add(&hook.closed_in_use, 1);
	return original.C_Finalize(reserved);
}

static UNUSED CK_RV hook_close_session(CK_SESSION_HANDLE session)
{
	if (atomic_load(&hook.signing))
		atomic_fetch_add(&hook.closed_in_use, 1);
	return original.C_CloseSession(session);
}

static UNUSED CK_RV hook_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
	CK_RV rv = original.C_GetSlotInfo(slot, info);

	if (atomic_load(&hook.hardware)) {
		info->flags |= CKF_HW_SLOT;
		memset(info->slotDescription, ' ', sizeof(info->slotDescription));
	}
	return rv;
}

static UNUSED CK_RV hook_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	CK_RV rv = original.C_GetTokenInfo(slot, info);

	if (atomic_load(&hook.hardware)) {
		memset(info->manufacturerID, 'H', sizeof(info->manufacturerID));
		memset(info->model, 'H', sizeof(info->model));
	}
	return rv;
}

static UNUSED void hook_module(struct fixture *f)
{
	if (!module) {
		module = module_functions(f);
		original = *module;
	}
	memset(&hook, 0, sizeof(hook));
	module->C_Sign = hook_sign;
	module->C_Login = hook_login;
	module->C_Finalize = hook_finalize;
	module->C_CloseSession = hook_close_session;
	module->C_GetSlotInfo = hook_slot_info;
	module->C_GetTokenInfo = hook_token_info;
}

static UNUSED struct fixture *made(const char *conf, const char *roles)
{
	static struct fixture f;

	fixture_new(&f, conf, roles);
	hook_module(&f);
	fixture_init(&f);
	return &f;
}

static UNUSED enum signer_answer sign(
	struct fixture *f, const char *role, struct signer_result *r)
{
	uint8_t digest[SIGNER_DIGEST_MAX] = { 5 };
	int i = roles_find(&f->roles, role);

	assert_true(i >= 0);
	return sign_for(&f->signing, (size_t)i,
		span_of(digest, f->roles.list[i].mechanism->digest_len), DOCUMENT, r);
}

#endif
