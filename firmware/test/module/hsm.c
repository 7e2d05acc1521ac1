/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A PKCS#11 module as that of an HSM in the network: the software token's, but nothing is
 * begun and nothing signed before a peer in the network has said yes.
 */
#include "wire.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stddef.h>

#define REAL "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real, ours;

static CK_RV initialize(void *arguments)
{
	return wire_ask("begin") ? real->C_Initialize(arguments) : CKR_DEVICE_ERROR;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *value,
	CK_ULONG *value_len)
{
	if (value && !wire_ask("sign"))
		return CKR_DEVICE_REMOVED;
	return real->C_Sign(session, data, len, value, value_len);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	void *handle = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;

	if (handle)
		*(void **)(&get) = dlsym(handle, "C_GetFunctionList");
	if (!get || get(&real) != CKR_OK)
		return CKR_GENERAL_ERROR;
	ours = *real;
	ours.C_Initialize = initialize;
	ours.C_Sign = sign;
	*list = &ours;
	return CKR_OK;
}
