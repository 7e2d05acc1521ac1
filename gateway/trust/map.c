/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/map.h"

#include "pki/errors.h"

#include <errno.h>
#include <stdlib.h>

int map_key_of(const X509 *x, uint8_t ret[SHA256_SIZE])
{
	const unsigned char *key;
	int len;

	if (X509_PUBKEY_get0_param(NULL, &key, &len, NULL, X509_get_X509_PUBKEY(x)) != 1)
		return -EIO;
	return digest_sha256(span_of(key, (size_t)len), ret);
}

uint64_t map_key_hash(const uint8_t key[SHA256_SIZE])
{
	uint64_t hash;

	memcpy(&hash, key, sizeof(hash));
	return hash;
}

uint64_t map_name_hash(const X509_NAME *name)
{
	return X509_NAME_hash_ex(name, NULL, NULL, NULL);
}

static bool is_name(
	const struct trust_map *m, const struct map_certificate *c, const X509_NAME *name)
{
	struct span stored = span_of(m->octets + c->subject, c->subject_len);
	const unsigned char *der, *at = stored.data;
	X509_NAME *other;
	size_t len;
	bool same;

	if (X509_NAME_get0_der(name, &der, &len) == 1 &&
		span_equal(span_of(der, len), stored))
		return true;
	other = d2i_X509_NAME(NULL, &at, (long)stored.len);
	same = other && X509_NAME_cmp(other, name) == 0;
	X509_NAME_free(other);
	pki_errors_clear();
	return same;
}

static void slot_of(const struct map_index *x, uint64_t hash,
	const struct map_entry **ret_first, const struct map_entry **ret_end)
{
	size_t slot = hash & (x->slot_count - 1);

	*ret_first = x->entries + x->slots[slot];
	*ret_end = x->entries + x->slots[slot + 1];
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void map_found_add(struct map_found *f, uint32_t service)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->services[i] == service)
			return;
	if (f->count < MAP_FOUND_MAX)
		f->services[f->count++] = service;
	else
		f->too_many = true;
}

void map_found_sort(struct map_found *f)
{
	qsort(f->services, f->count, sizeof(f->services[0]), by_number);
}

void map_find_same(const struct trust_map *m, const X509 *x, struct map_found *f)
{
	const struct map_entry *e, *end;
	uint8_t key[SHA256_SIZE];
	uint64_t hash;

	if (map_key_of(x, key) < 0)
		return;
	hash = map_key_hash(key);
	for (slot_of(&m->keys, hash, &e, &end); e < end; e++) {
		const struct map_certificate *c = &m->certificates[e->certificate];

		if (e->hash == hash && memcmp(c->key, key, sizeof(key)) == 0 &&
			is_name(m, c, X509_get_subject_name(x)))
			map_found_add(f, e->service);
	}
}

void map_find_issuers(const struct trust_map *m, X509 *x, struct map_found *f)
{
	uint64_t hash = map_name_hash(X509_get_issuer_name(x));
	const struct map_entry *e, *end;

	for (slot_of(&m->names, hash, &e, &end); e < end; e++) {
		X509 *issuer = e->hash == hash
				       ? pki_certificate_parse(map_der(
						 m, &m->certificates[e->certificate]))
				       : NULL;

		if (issuer && X509_check_issued(issuer, x) == X509_V_OK)
			map_found_add(f, e->service);
		X509_free(issuer);
	}
}
