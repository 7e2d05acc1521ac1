/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/public_key.h"

#include "common/cleanup.h"

DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free)

EVP_PKEY *pki_public_key(const char *type, OSSL_PARAM_BLD *values)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	_cleanup_(OSSL_PARAM_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(values);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}
