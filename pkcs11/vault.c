/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/vault.h"

#include "common/cleanup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define TAG_SIZE 16

DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

int vault_close(const uint8_t key[VAULT_KEY_SIZE], struct span about, const char *pin,
	uint8_t ret_closed[VAULT_SIZE])
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *text = ret_closed + VAULT_NONCE_SIZE, block[PIN_SIZE] = { 0 };
	int len, ok;

	memcpy(block, pin, strnlen(pin, PIN_SIZE - 1));
	ok = c && RAND_bytes(ret_closed, VAULT_NONCE_SIZE) == 1 &&
	     EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), key, ret_closed, NULL) == 1 &&
	     EVP_EncryptUpdate(c, NULL, &len, about.data, (int)about.len) == 1 &&
	     EVP_EncryptUpdate(c, text, &len, block, PIN_SIZE) == 1 &&
	     EVP_EncryptFinal_ex(c, text + len, &len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, text + PIN_SIZE) ==
		     1;
	OPENSSL_cleanse(block, sizeof(block));
	return ok ? 0 : -EIO;
}

int vault_open(const uint8_t key[VAULT_KEY_SIZE], struct span about,
	const uint8_t closed[VAULT_SIZE], char ret_pin[PIN_SIZE])
{
	_cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_SIZE], block[PIN_SIZE];
	int len, ok;

	memcpy(tag, closed + VAULT_NONCE_SIZE + PIN_SIZE, sizeof(tag));
	if (!c || EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key, closed, NULL) != 1 ||
		EVP_DecryptUpdate(c, NULL, &len, about.data, (int)about.len) != 1 ||
		EVP_DecryptUpdate(c, block, &len, closed + VAULT_NONCE_SIZE, PIN_SIZE) !=
			1)
		return -EIO;
	ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
	     EVP_DecryptFinal_ex(c, block + len, &len) == 1 &&
	     memchr(block, 0, PIN_SIZE) != NULL;
	if (ok)
		memcpy(ret_pin, block, PIN_SIZE);
	OPENSSL_cleanse(block, sizeof(block));
	return ok ? 0 : -EKEYREJECTED;
}
