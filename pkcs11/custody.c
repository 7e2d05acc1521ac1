/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/custody.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <string.h>

#define SCRYPT_N 32768
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEMORY (64u * 1024 * 1024)

DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free)
DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free)

static bool name_ok(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789-_.");

	return len > 0 && len < CUSTODY_NAME_SIZE && name[len] == '\0';
}

int custody_find(const struct custody *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->people[i].name, name) == 0)
			return (int)i;
	return -1;
}

int custody_share(const struct custody *c, size_t person, const char *passphrase,
	uint8_t ret_share[CUSTODY_SHARE_SIZE])
{
	return EVP_PBE_scrypt(passphrase, strlen(passphrase), c->people[person].salt,
		       CUSTODY_SALT_SIZE, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY,
		       ret_share, CUSTODY_SHARE_SIZE) == 1
		       ? 0
		       : -EIO;
}

/* What a set is bound to: who they are and how many it takes. */
static int describe(const struct custody *c, unsigned int people, struct buf *ret)
{
	buf_init(ret, 1024);
	buf_addf(ret, "sealgate custody 1\n%u\n", c->threshold);
	for (size_t i = 0; i < c->count; i++)
		if (people & 1u << i)
			buf_addf(ret, "%s\n", c->people[i].name);
	return ret->error;
}

/* HKDF over the shares of the set, one after the other. */
static int derive(const struct buf *about, struct span shares, uint8_t *ret_key)
{
	_cleanup_(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	_cleanup_(EVP_KDF_CTX_freep) EVP_KDF_CTX *k = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "SHA256";
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)shares.data, shares.len),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, about->data, about->len),
		OSSL_PARAM_construct_end(),
	};

	return k && EVP_KDF_derive(k, ret_key, VAULT_KEY_SIZE, p) == 1 ? 0 : -EIO;
}

static int key_of(const struct custody *c, unsigned int people, const struct buf *about,
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE], uint8_t *ret_key)
{
	uint8_t all[CUSTODY_PEOPLE_MAX * CUSTODY_SHARE_SIZE];
	size_t len = 0;
	int r;

	for (size_t i = 0; i < c->count; i++) {
		if (!(people & 1u << i))
			continue;
		memcpy(all + len, shares[i], CUSTODY_SHARE_SIZE);
		len += CUSTODY_SHARE_SIZE;
	}
	r = derive(about, span_of(all, len), ret_key);
	OPENSSL_cleanse(all, sizeof(all));
	return r;
}

int custody_open(const struct custody *c, unsigned int people,
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE], char ret_pin[PIN_SIZE])
{
	_cleanup_buf_ struct buf about;
	uint8_t key[VAULT_KEY_SIZE];
	size_t i = 0;
	int r = describe(c, people, &about);

	while (i < c->set_count && c->sets[i].people != people)
		i++;
	if (i == c->set_count)
		return -EINVAL;
	if (r == 0)
		r = key_of(c, people, &about, shares, key);
	if (r == 0)
		r = vault_open(key, buf_span(&about), c->sets[i].closed, ret_pin);
	OPENSSL_cleanse(key, sizeof(key));
	return r;
}

/* Making ----------------------------------------------------------------------------- */

static int close_set(struct custody *c, unsigned int people, const char *pin,
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE])
{
	_cleanup_buf_ struct buf about;
	uint8_t key[VAULT_KEY_SIZE];
	int r = describe(c, people, &about);

	if (c->set_count == CUSTODY_SETS_MAX)
		return -EINVAL;
	if (r == 0)
		r = key_of(c, people, &about, shares, key);
	if (r == 0)
		r = vault_close(key, buf_span(&about), pin, c->sets[c->set_count].closed);
	OPENSSL_cleanse(key, sizeof(key));
	if (r == 0)
		c->sets[c->set_count++].people = people;
	return r;
}

static int take_people(struct custody *c, size_t count, const char *const *names)
{
	for (size_t i = 0; i < count; i++) {
		if (!name_ok(names[i]) || custody_find(c, names[i]) >= 0)
			return -EINVAL;
		memcpy(c->people[i].name, names[i], strlen(names[i]) + 1);
		if (RAND_bytes(c->people[i].salt, CUSTODY_SALT_SIZE) != 1)
			return -EIO;
		c->count++;
	}
	return 0;
}

int custody_make(unsigned int k, size_t count, const char *const *names,
	const char *const *passphrases, const char *pin, struct custody *ret)
{
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE];
	int r = 0;

	*ret = (struct custody){ .threshold = k };
	if (k < 2 || count < k || count > CUSTODY_PEOPLE_MAX)
		return -EINVAL;
	r = take_people(ret, count, names);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = strlen(passphrases[i]) < CUSTODY_PASSPHRASE_MIN
			    ? -EINVAL
			    : custody_share(ret, i, passphrases[i], shares[i]);
	for (unsigned int set = 0; r == 0 && set < 1u << count; set++)
		if ((unsigned int)__builtin_popcount(set) == k)
			r = close_set(ret, set, pin, shares);
	OPENSSL_cleanse(shares, sizeof(shares));
	return r;
}

/* The file --------------------------------------------------------------------------- */

static json_t *hex_json(const uint8_t *octets, size_t len)
{
	char text[2 * VAULT_SIZE + 1];

	hex_encode(octets, len, text);
	return json_string(text);
}

int custody_write(const struct custody *c, const char *path)
{
	json_t *people = json_array(), *sets = json_array();
	_cleanup_json_ json_t *all = NULL;
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < c->count; i++)
		json_array_append_new(
			people, json_pack("{s:s, s:o}", "name", c->people[i].name, "salt",
					hex_json(c->people[i].salt, CUSTODY_SALT_SIZE)));
	for (size_t i = 0; i < c->set_count; i++)
		json_array_append_new(
			sets, json_pack("{s:i, s:o}", "people", (int)c->sets[i].people,
				      "closed", hex_json(c->sets[i].closed, VAULT_SIZE)));
	all = json_pack("{s:i, s:i, s:o, s:o}", "version", 1, "threshold",
		(int)c->threshold, "people", people, "sets", sets);
	text = all ? json_dumps(all, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	return text ? durable_write(path, span_str(text), 0600) : -ENOMEM;
}

static bool read_hex(const json_t *object, const char *key, uint8_t *ret, size_t len)
{
	const char *text = json_string_of(object, key);

	return text && strlen(text) == 2 * len && hex_decode(text, ret, len) == 0;
}

static bool read_people(const json_t *list, struct custody *c)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *name = json_string_of(item, "name");

		if (i == CUSTODY_PEOPLE_MAX || !name || !name_ok(name) ||
			custody_find(c, name) >= 0 ||
			!read_hex(item, "salt", c->people[i].salt, CUSTODY_SALT_SIZE))
			return false;
		memcpy(c->people[i].name, name, strlen(name) + 1);
		c->count++;
	}
	return c->count >= c->threshold;
}

static bool read_sets(const json_t *list, struct custody *c)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		json_int_t people = json_integer_value(json_object_get(item, "people"));

		if (i == CUSTODY_SETS_MAX || people <= 0 || people >= 1 << c->count ||
			(unsigned int)__builtin_popcount((unsigned int)people) !=
				c->threshold ||
			!read_hex(item, "closed", c->sets[i].closed, VAULT_SIZE))
			return false;
		c->sets[i].people = (unsigned int)people;
		c->set_count++;
	}
	return true;
}

/* Whoever of them come, k of them open it. */
static bool sets_complete(const struct custody *c)
{
	size_t found = 0;

	for (unsigned int people = 0; people < 1u << c->count; people++) {
		size_t times = 0;

		if ((unsigned int)__builtin_popcount(people) != c->threshold)
			continue;
		for (size_t i = 0; i < c->set_count; i++)
			times += c->sets[i].people == people;
		if (times != 1)
			return false;
		found++;
	}
	return found > 0 && found == c->set_count;
}

int custody_read(const char *path, struct custody *ret)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int r = file_read(path, CUSTODY_MAX, &text, &len);

	return r < 0 ? r : custody_parse(span_of(text, len), ret);
}

int custody_parse(struct span text, struct custody *ret)
{
	_cleanup_json_ json_t *all = json_read(text, CUSTODY_MAX);
	json_int_t threshold;

	threshold = json_integer_value(json_object_get(all, "threshold"));
	if (json_integer_value(json_object_get(all, "version")) != 1 || threshold < 2 ||
		threshold > CUSTODY_PEOPLE_MAX)
		return -EINVAL;
	*ret = (struct custody){ .threshold = (unsigned int)threshold };
	return read_people(json_object_get(all, "people"), ret) &&
			       read_sets(json_object_get(all, "sets"), ret) &&
			       sets_complete(ret)
		       ? 0
		       : -EINVAL;
}
