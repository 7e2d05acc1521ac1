/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The PKCS#11 module: loaded and searched by libp11, called by its own function list;
 * never decides which key may be used.
 */
#ifndef SEALGATE_PKCS11_MODULE_H
#define SEALGATE_PKCS11_MODULE_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

struct module {
	PKCS11_CTX *ctx;
	PKCS11_SLOT *slots;
	unsigned int slot_count;
	CK_FUNCTION_LIST *f; /* valid as long as the process lives */
};

#define MODULE_TEXT_SIZE 160

/* Load and initialise the module (C_Initialize) and list its slots. ret_text says what
 * went wrong. Return: 0 or -ENODEV. */
int module_open(
	const char *path, struct module *ret_module, char ret_text[MODULE_TEXT_SIZE]);

/* C_Finalize. No session may be in use. */
void module_close(struct module *m);

/* The slot whose token has the label; NULL when there is none or more than one. */
PKCS11_SLOT *module_find_token(const struct module *m, const char *label);

/* The first slot with a token that is not initialised yet, or NULL. */
PKCS11_SLOT *module_find_blank(const struct module *m);

/* True unless the slot says that it is hardware and the token is of no known software. */
bool module_is_software(const struct module *m, CK_SLOT_ID slot);

/* "CKR_DEVICE_REMOVED", or "CKR 0x..." */
const char *ckr_text(CK_RV rv);

/* True for an answer after which only C_Finalize and C_Initialize help. */
bool ckr_lost(CK_RV rv);

/* Find objects of a class by label (NULL: any) and id (NULL: any).
 * Return: CKR_OK with *ret_count of at most max handles. */
struct object_query {
	CK_OBJECT_CLASS class;
	const char *label;
	const void *id;
	size_t id_len;
};
CK_RV object_find(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	const struct object_query *query, CK_OBJECT_HANDLE *ret_handles, size_t max,
	size_t *ret_count);

/* A boolean attribute; what the module cannot answer is no success. */
CK_RV object_bool(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	CK_ATTRIBUTE_TYPE type, bool *ret_value);

/* An attribute of at most size octets. */
CK_RV object_octets(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *ret_data, size_t size,
	size_t *ret_len);

#endif
