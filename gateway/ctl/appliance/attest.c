/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/attest.h"

#include "ctl/appliance/tpm_message.h"

#include <errno.h>
#include <string.h>

#define ENDORSEMENT 0x4000000bu

#define CC_CREATE_PRIMARY 0x131u
#define CC_QUOTE 0x158u
#define CC_FLUSH_CONTEXT 0x165u
#define CC_PCR_READ 0x17eu

#define ALG_NULL 0x0010u
#define ALG_ECDSA 0x0018u
#define ALG_ECC 0x0023u
#define CURVE_P256 0x0003u

/* TPMA_OBJECT: of this TPM and of the place it was made in, of its seed, without a
 * password and outside of the count of wrong tries; signs what the TPM made alone. */
#define ATTRIBUTES                                                                       \
	(1u << 1 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 10 | 1u << 16 | 1u << 18)

#define TRIES 3

const unsigned int ATTEST_PCR[ATTEST_PCRS] = { 0, 2, 4, 7, 11, 12 };
const uint8_t ATTEST_SELECT[ATTEST_SELECT_SIZE] = { 0x95, 0x18, 0x00 };

/* What comes before the two numbers of a point on P-256, and 4, which says that there are
 * two. */
static const uint8_t KEY_HEAD[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
	0x07, 0x03, 0x42, 0x00, 0x04 };

/* A number as a TPM2B, which may leave zeroes out in front. */
static int get_number(struct tpm_message *m, uint8_t ret[ATTEST_NUMBER_SIZE])
{
	size_t len = (size_t)tpm_get(m, 2);
	const uint8_t *at = len <= ATTEST_NUMBER_SIZE ? tpm_take(m, len) : NULL;

	if (!at)
		return -EPROTO;
	memset(ret, 0, ATTEST_NUMBER_SIZE);
	memcpy(ret + ATTEST_NUMBER_SIZE - len, at, len);
	return 0;
}

/* TPMT_PUBLIC up to its numbers, which are what the TPM has to say. */
static void put_template(struct tpm_message *m)
{
	tpm_put(m, ALG_ECC, 2);
	tpm_put(m, ALG_SHA256, 2);
	tpm_put(m, ATTRIBUTES, 4);
	tpm_put(m, 0, 2); /* no policy */
	tpm_put(m, ALG_NULL, 2);
	tpm_put(m, ALG_ECDSA, 2);
	tpm_put(m, ALG_SHA256, 2);
	tpm_put(m, CURVE_P256, 2);
	tpm_put(m, ALG_NULL, 2);
}

/* Of TPM2B_PUBLIC. It is what was asked for, or no key of ours. */
static int get_public(struct tpm_message *m, uint8_t ret[ATTEST_KEY_SIZE])
{
	struct tpm_message asked = { 0 };
	const uint8_t *at;

	put_template(&asked);
	(void)tpm_get(m, 2);
	at = tpm_take(m, asked.len);
	if (!at || memcmp(at, asked.data, asked.len) != 0)
		return -EPROTO;
	memcpy(ret, KEY_HEAD, sizeof(KEY_HEAD));
	if (get_number(m, ret + sizeof(KEY_HEAD)) < 0)
		return -EPROTO;
	return get_number(m, ret + sizeof(KEY_HEAD) + ATTEST_NUMBER_SIZE);
}

int attest_key_make(int fd, struct attest_key *ret_key)
{
	struct tpm_message m, public = { 0 };
	struct attest_key key;
	int r;

	put_template(&public);
	tpm_begin(&m, TAG_SESSIONS, CC_CREATE_PRIMARY);
	tpm_put(&m, ENDORSEMENT, 4);
	tpm_authorise(&m);
	tpm_put(&m, 4, 2); /* of what is the caller's: no password, no data */
	tpm_put(&m, 0, 4);
	tpm_put(&m, public.len + 4, 2);
	put_template(&m);
	tpm_put(&m, 0, 4); /* no numbers */
	tpm_put(&m, 0, 2); /* nothing from outside */
	tpm_put(&m, 0, 4); /* no registers at its making */
	r = tpm_exchange(fd, &m, &key.handle);
	if (r < 0)
		return r;
	r = get_public(&m, key.der);
	if (r < 0)
		attest_key_drop(fd, &key);
	else
		*ret_key = key;
	return r;
}

void attest_key_drop(int fd, const struct attest_key *key)
{
	struct tpm_message m;

	tpm_begin(&m, TAG_PLAIN, CC_FLUSH_CONTEXT);
	tpm_put(&m, key->handle, 4);
	(void)tpm_exchange(fd, &m, NULL);
}

static void put_selection(struct tpm_message *m)
{
	tpm_put(m, 1, 4);
	tpm_put(m, ALG_SHA256, 2);
	tpm_put(m, ATTEST_SELECT_SIZE, 1);
	for (size_t i = 0; i < ATTEST_SELECT_SIZE; i++)
		tpm_put(m, ATTEST_SELECT[i], 1);
}

static int read_pcrs(int fd, uint8_t ret[ATTEST_PCRS][SHA256_SIZE])
{
	struct tpm_message m, asked = { 0 };
	const uint8_t *at;
	int r;

	put_selection(&asked);
	tpm_begin(&m, TAG_PLAIN, CC_PCR_READ);
	put_selection(&m);
	r = tpm_exchange(fd, &m, NULL);
	if (r < 0)
		return r;
	(void)tpm_get(&m, 4); /* how often they changed */
	/* A TPM without these registers of SHA-256 leaves them out. */
	at = tpm_take(&m, asked.len);
	if (!at || memcmp(at, asked.data, asked.len) != 0 ||
		tpm_get(&m, 4) != ATTEST_PCRS)
		return -EPROTO;
	for (size_t i = 0; i < ATTEST_PCRS; i++) {
		at = tpm_get(&m, 2) == SHA256_SIZE ? tpm_take(&m, SHA256_SIZE) : NULL;
		if (!at)
			return -EPROTO;
		memcpy(ret[i], at, SHA256_SIZE);
	}
	return 0;
}

static int quote(
	int fd, const struct attest_key *key, struct span nonce, struct attest_quote *ret)
{
	struct tpm_message m;
	const uint8_t *at;
	int r;

	tpm_begin(&m, TAG_SESSIONS, CC_QUOTE);
	tpm_put(&m, key->handle, 4);
	tpm_authorise(&m);
	tpm_put(&m, nonce.len, 2);
	for (size_t i = 0; i < nonce.len; i++)
		tpm_put(&m, nonce.data[i], 1);
	tpm_put(&m, ALG_NULL, 2); /* as the key signs */
	put_selection(&m);
	r = tpm_exchange(fd, &m, NULL);
	if (r < 0)
		return r;
	ret->len = (size_t)tpm_get(&m, 2);
	at = ret->len <= ATTEST_MAX ? tpm_take(&m, ret->len) : NULL;
	if (!at)
		return -EPROTO;
	memcpy(ret->attested, at, ret->len);
	if (tpm_get(&m, 2) != ALG_ECDSA || tpm_get(&m, 2) != ALG_SHA256)
		return -EPROTO;
	r = get_number(&m, ret->r);
	return r < 0 ? r : get_number(&m, ret->s);
}

/* Does what was signed end with the digest of these values (TPMS_QUOTE_INFO)? */
static bool is_of(const struct attest_quote *q)
{
	uint8_t digest[SHA256_SIZE];

	return digest_sha256(span_of(q->pcrs, sizeof(q->pcrs)), digest) == 0 &&
	       q->len >= SHA256_SIZE &&
	       memcmp(q->attested + q->len - SHA256_SIZE, digest, SHA256_SIZE) == 0;
}

int attest_quote(int fd, const struct attest_key *key, struct span nonce,
	struct attest_quote *ret_quote)
{
	struct attest_quote q = { 0 };

	if (nonce.len < ATTEST_NONCE_LEAST || nonce.len > ATTEST_NONCE_MOST)
		return -EINVAL;
	for (int i = 0; i < TRIES; i++) {
		int r = read_pcrs(fd, q.pcrs);

		if (r == 0)
			r = quote(fd, key, nonce, &q);
		if (r < 0)
			return r;
		if (is_of(&q)) {
			*ret_quote = q;
			return 0;
		}
	}
	return -EAGAIN;
}
