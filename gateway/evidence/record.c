/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/record.h"

#include "evidence/record_asn1.h"
#include "pki/errors.h"

#include <errno.h>

#define LEVELS_MAX 9 /* of 256 leaves, the root's own included */
#define VERSION 1

struct record_tree {
	size_t count[LEVELS_MAX]; /* of nodes in each level, leaves first */
	uint8_t (*level[LEVELS_MAX])[SHA256_SIZE];
	size_t levels;		      /* without the root */
	uint8_t top[2 * SHA256_SIZE]; /* the nodes below the root, in order */
	uint8_t nodes[2 * RECORD_LEAVES_MAX][SHA256_SIZE];
};

static void join(const uint8_t *a, const uint8_t *b, uint8_t ret[2 * SHA256_SIZE])
{
	bool order = memcmp(a, b, SHA256_SIZE) <= 0;

	memcpy(ret, order ? a : b, SHA256_SIZE);
	memcpy(ret + SHA256_SIZE, order ? b : a, SHA256_SIZE);
}

/* The level above: pairs, and what is left over as it is. Return: 0 or -EIO. */
static int grow(struct record_tree *t, size_t level)
{
	size_t n = t->count[level], above = (n + 1) / 2;
	uint8_t both[2 * SHA256_SIZE];
	int r = 0;

	t->level[level + 1] = t->level[level] + n;
	t->count[level + 1] = above;
	for (size_t i = 0; r == 0 && i < n / 2; i++) {
		join(t->level[level][2 * i], t->level[level][2 * i + 1], both);
		r = digest_sha256(span_of(both, sizeof(both)), t->level[level + 1][i]);
	}
	if (n % 2)
		memcpy(t->level[level + 1][above - 1], t->level[level][n - 1],
			SHA256_SIZE);
	return r;
}

int record_tree_new(
	const uint8_t (*leaves)[SHA256_SIZE], size_t count, struct record_tree **ret_tree)
{
	_cleanup_(record_tree_freep) struct record_tree *t = NULL;
	size_t level = 0;
	int r = 0;

	if (count == 0 || count > RECORD_LEAVES_MAX)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->level[0] = t->nodes;
	t->count[0] = count;
	memcpy(t->nodes, leaves, count * SHA256_SIZE);
	for (; r == 0 && t->count[level] > 2; level++)
		r = grow(t, level);
	if (r < 0)
		return r;
	t->levels = level + 1;
	if (count > 1)
		join(t->level[level][0], t->level[level][1], t->top);
	*ret_tree = TAKE(t);
	return 0;
}

void record_tree_free(struct record_tree *t)
{
	free(t);
}

struct span record_tree_octets(const struct record_tree *t)
{
	return t->count[0] > 1 ? span_of(t->top, sizeof(t->top)) : (struct span){ 0 };
}

/* Writing ---------------------------------------------------------------------------- */

static int add_hash(RECORD_HASHES *list, const uint8_t *hash)
{
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();

	if (s && ASN1_OCTET_STRING_set(s, hash, SHA256_SIZE) == 1 &&
		sk_ASN1_OCTET_STRING_push(list, s) > 0)
		return 0;
	ASN1_OCTET_STRING_free(s);
	return -ENOMEM;
}

/* One list of the reduced tree: a sibling, and in the first the leaf itself. */
static int add_list(
	STACK_OF(RECORD_HASHES) * lists, const uint8_t *leaf, const uint8_t *sibling)
{
	RECORD_HASHES *list = sk_ASN1_OCTET_STRING_new_null();
	uint8_t both[2 * SHA256_SIZE];
	int r = list ? 0 : -ENOMEM;

	if (r == 0 && leaf) {
		join(leaf, sibling, both);
		r = add_hash(list, both);
		sibling = both + SHA256_SIZE;
	}
	if (r == 0)
		r = add_hash(list, sibling);
	if (r == 0 && sk_RECORD_HASHES_push(lists, list) > 0)
		return 0;
	sk_ASN1_OCTET_STRING_pop_free(list, ASN1_OCTET_STRING_free);
	return -ENOMEM;
}

static int reduce(
	const struct record_tree *t, size_t index, STACK_OF(RECORD_HASHES) * lists)
{
	const uint8_t *leaf = t->level[0][index];
	int r = 0;

	for (size_t level = 0; r == 0 && level < t->levels; level++, index /= 2) {
		size_t sibling = index ^ 1;

		if (sibling >= t->count[level])
			continue;
		r = add_list(lists, leaf, t->level[level][sibling]);
		leaf = NULL;
	}
	return r;
}

static RECORD_STAMP *stamp_of(
	const struct record_tree *t, size_t index, struct span token)
{
	RECORD_STAMP *s = RECORD_STAMP_new();
	int r = s && ASN1_STRING_set(s->token, token.data, (int)token.len) == 1 ? 0
										: -ENOMEM;

	if (r == 0 && t->count[0] > 1) {
		s->reduced = sk_RECORD_HASHES_new_null();
		r = s->reduced ? reduce(t, index, s->reduced) : -ENOMEM;
	}
	if (r == 0)
		return s;
	RECORD_STAMP_free(s);
	return NULL;
}

/* Put the one time-stamp into the one chain. Return: 0 or -ENOMEM. */
static int add_stamp(RECORD *record, RECORD_STAMP *stamp)
{
	RECORD_CHAIN *chain = stamp ? sk_RECORD_STAMP_new_null() : NULL;

	if (!chain || sk_RECORD_STAMP_push(chain, stamp) <= 0) {
		RECORD_STAMP_free(stamp);
		sk_RECORD_STAMP_free(chain);
		return -ENOMEM;
	}
	if (sk_RECORD_CHAIN_push(record->sequence, chain) > 0)
		return 0;
	sk_RECORD_STAMP_pop_free(chain, RECORD_STAMP_free);
	return -ENOMEM;
}

static int add_algorithm(RECORD *record)
{
	X509_ALGOR *a = X509_ALGOR_new();

	if (a && X509_ALGOR_set0(a, OBJ_nid2obj(NID_sha256), V_ASN1_UNDEF, NULL) == 1 &&
		sk_X509_ALGOR_push(record->algorithms, a) > 0)
		return 0;
	X509_ALGOR_free(a);
	return -ENOMEM;
}

static int encode(RECORD *record, struct buf *ret)
{
	unsigned char *der = NULL;
	int len = i2d_RECORD(record, &der), r = -ENOMEM;

	if (len > 0)
		r = buf_add(ret, der, (size_t)len);
	OPENSSL_free(der);
	return r;
}

int record_write(
	const struct record_tree *t, size_t index, struct span token, struct buf *ret)
{
	_cleanup_(RECORD_freep) RECORD *record = RECORD_new();
	int r = record && ASN1_INTEGER_set(record->version, VERSION) == 1 ? 0 : -ENOMEM;

	if (index >= t->count[0] || token.len == 0 || token.len > RECORD_SIZE_MAX)
		return -EINVAL;
	if (r == 0)
		r = add_algorithm(record);
	if (r == 0)
		r = add_stamp(record, stamp_of(t, index, token));
	if (r == 0)
		r = encode(record, ret);
	pki_errors_clear();
	return r;
}

/* Reading ---------------------------------------------------------------------------- */

/* The record of these octets when they are its only encoding; NULL otherwise. */
static RECORD *decode(struct span octets)
{
	const uint8_t *p = octets.data;
	_cleanup_(RECORD_freep) RECORD *record = NULL;
	_cleanup_buf_ struct buf again;

	buf_init(&again, RECORD_SIZE_MAX);
	if (octets.len == 0 || octets.len > RECORD_SIZE_MAX)
		return NULL;
	record = d2i_RECORD(NULL, &p, (long)octets.len);
	if (record && p == octets.data + octets.len && encode(record, &again) == 0 &&
		span_equal(buf_span(&again), octets))
		return TAKE(record);
	return NULL;
}

/* The one time-stamp of a record of the form; NULL otherwise. */
static const RECORD_STAMP *only_stamp(const RECORD *record)
{
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *object;
	const RECORD_CHAIN *chain;
	int parameters;

	if (ASN1_INTEGER_get(record->version) != VERSION ||
		sk_X509_ALGOR_num(record->algorithms) != 1 ||
		sk_RECORD_CHAIN_num(record->sequence) != 1)
		return NULL;
	algorithm = sk_X509_ALGOR_value(record->algorithms, 0);
	X509_ALGOR_get0(&object, &parameters, NULL, algorithm);
	chain = sk_RECORD_CHAIN_value(record->sequence, 0);
	if (OBJ_obj2nid(object) != NID_sha256 || parameters != V_ASN1_UNDEF ||
		sk_RECORD_STAMP_num(chain) != 1)
		return NULL;
	return sk_RECORD_STAMP_value(chain, 0);
}

/* The hashes of a list in their order, with one more (NULL: none) in its place; *ret_in:
 * whether want is among them. Return: how many, 0 when the list is not of the form. */
static size_t read_list(const RECORD_HASHES *list, const uint8_t *more,
	const uint8_t *want, uint8_t ret[2 * SHA256_SIZE], bool *ret_in)
{
	int n = sk_ASN1_OCTET_STRING_num(list);
	const uint8_t *hash[2] = { more, NULL };

	if (n != (more ? 1 : 2))
		return 0;
	for (int i = 0; i < n; i++) {
		const ASN1_OCTET_STRING *s = sk_ASN1_OCTET_STRING_value(list, i);

		if (ASN1_STRING_length(s) != SHA256_SIZE)
			return 0;
		hash[more ? 1 : i] = ASN1_STRING_get0_data(s);
	}
	if (!more && memcmp(hash[0], hash[1], SHA256_SIZE) > 0)
		return 0;
	join(hash[0], hash[1], ret);
	*ret_in = memcmp(ret, want, SHA256_SIZE) == 0 ||
		  memcmp(ret + SHA256_SIZE, want, SHA256_SIZE) == 0;
	return 2;
}

static int conclude(
	struct record_result *r, enum record_outcome outcome, const char *reason)
{
	r->outcome = outcome;
	r->reason = reason;
	return 0;
}

/* Walk from the document to the octets below the root. Return: 1, 0 with the outcome
 * said, negative. */
static int walk(const STACK_OF(RECORD_HASHES) * lists, struct span document,
	struct record_result *r, uint8_t ret_top[2 * SHA256_SIZE])
{
	uint8_t hash[SHA256_SIZE];
	int n = sk_RECORD_HASHES_num(lists), e = digest_sha256(document, hash);
	bool in = false;

	if (e < 0)
		return e;
	if (n < 1 || n >= LEVELS_MAX)
		return conclude(r, RECORD_MALFORMED,
			"The reduced hash tree is empty or too deep.");
	for (int i = 0; i < n; i++) {
		bool found;

		if (i && digest_sha256(span_of(ret_top, 2 * SHA256_SIZE), hash) < 0)
			return -EIO;
		if (!read_list(sk_RECORD_HASHES_value(lists, i), i ? hash : NULL, hash,
			    ret_top, &found))
			return conclude(r, RECORD_MALFORMED,
				"A list of the reduced hash tree is not of the form.");
		in = i ? in : found;
	}
	r->depth = (size_t)n;
	return in ? 1
		  : conclude(r, RECORD_NOT_OVER,
			    "The document's hash is not in the record's hash tree.");
}

static int check_token(const RECORD_STAMP *s, struct span over,
	const struct token_context *context, struct record_result *r)
{
	struct span token = span_of(
		ASN1_STRING_get0_data(s->token), (size_t)ASN1_STRING_length(s->token));
	int e = token_verify_in(token, over, context, &r->token);

	if (e < 0)
		return e;
	if (r->token.outcome == TOKEN_PASSED &&
		strcmp(r->token.digest_name, "SHA256") != 0)
		return conclude(r, RECORD_MALFORMED,
			"The time-stamp imprints by another digest than the tree's.");
	return conclude(r,
		r->token.outcome == TOKEN_PASSED ? RECORD_PASSED : RECORD_TOKEN,
		r->token.reason ? r->token.reason : "");
}

static int verify(const RECORD *record, struct span document,
	const struct token_context *context, struct record_result *r)
{
	const RECORD_STAMP *s = record ? only_stamp(record) : NULL;
	uint8_t top[2 * SHA256_SIZE];
	int e;

	if (!s)
		return conclude(r, RECORD_MALFORMED,
			"It is no evidence record of the gate's form in DER.");
	if (!s->reduced)
		return check_token(s, document, context, r);
	e = walk(s->reduced, document, r, top);
	return e <= 0 ? e : check_token(s, span_of(top, sizeof(top)), context, r);
}

int record_verify_in(struct span record, struct span document,
	const struct token_context *context, struct record_result *ret_result)
{
	_cleanup_(RECORD_freep) RECORD *read = NULL;
	int r;

	*ret_result = (struct record_result){ 0 };
	pki_errors_begin();
	read = decode(record);
	pki_errors_clear();
	if (!read && pki_errors_memory())
		return -ENOMEM;
	r = verify(read, document, context, ret_result);
	pki_errors_clear();
	return r;
}

int record_verify(struct span record, struct span document,
	const struct pki_material *material, int64_t at, struct record_result *ret_result)
{
	return record_verify_in(record, document,
		&(struct token_context){ .material = material, .at = at }, ret_result);
}

void record_result_done(struct record_result *r)
{
	token_result_done(&r->token);
	*r = (struct record_result){ 0 };
}

const char *record_outcome_text(const struct record_result *r)
{
	switch (r->outcome) {
	case RECORD_PASSED:
		return "";
	case RECORD_NOT_OVER:
		return "HASH_FAILURE";
	case RECORD_TOKEN:
		return token_outcome_text(&r->token);
	case RECORD_UNDECIDED:
	case RECORD_MALFORMED:
	default:
		return "FORMAT_FAILURE";
	}
}
