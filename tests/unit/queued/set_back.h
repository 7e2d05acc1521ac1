/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A chain of some records and a key that seals heads of it and of other chains; for tests
 * only, never leaves the folder behind.
 */
#ifndef SEALGATE_TESTS_SET_BACK_H
#define SEALGATE_TESTS_SET_BACK_H

#include "tests/unit/queued/fixture.h"

#include "queue/backend.h"
#include "queue/engine_sqlite.h"
#include "queue/sealed_head.h"
#include "queued/head_heal.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RECORDS 5

struct set_back {
	char folder[64];
	struct batch batch;
	EVP_PKEY *key;
	uint8_t *certificate;
	size_t certificate_len;
};

static inline void add_records(struct set_back *s, int count)
{
	struct queue_audit_request q = {
		.actor = "queued", .event = "queued.start", .detail = "{}"
	};

	assert_int_equal(engine_begin(s->batch.engine), 0);
	for (int i = 0; i < count; i++)
		assert_int_equal(
			engine_audit(s->batch.engine, clock_now(), &q), QUEUE_DONE);
	assert_int_equal(engine_commit(s->batch.engine), 0);
	batch_recorded(&s->batch, clock_now());
}

static inline void make_certificate(struct set_back *s)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len;

	s->key = EVP_EC_gen("P-256");
	assert_non_null(s->key);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, s->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)"heads", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, s->key, EVP_sha256()) > 0);
	len = i2d_X509(x, &der);
	assert_true(len > 0);
	s->certificate = der;
	s->certificate_len = (size_t)len;
	X509_free(x);
}

static inline void sign(struct set_back *s, const char *statement,
	uint8_t ret_signature[SEALED_HEAD_SIGNATURE_SIZE])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t der[128];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, s->key), 1);
	assert_int_equal(EVP_DigestSign(c, der, &len, (const unsigned char *)statement,
				 strlen(statement)),
		1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	assert_non_null(sig);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature + 32, 32), 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(c);
}

static inline void path_of_head(
	const struct set_back *s, int64_t position, const char *kind, char ret_path[256])
{
	snprintf(ret_path, 256, "%s/heads/%013lld", s->folder,
		(long long)(position / HEAD_FOLDER_SPAN));
	(void)mkdir(ret_path, 0700);
	snprintf(ret_path, 256, "%s/heads/%013lld/%018lld.%s", s->folder,
		(long long)(position / HEAD_FOLDER_SPAN), (long long)position, kind);
}

static inline void seal(struct set_back *s, const struct engine_head *head)
{
	uint8_t signature[SEALED_HEAD_SIGNATURE_SIZE];
	char path[256], *text,
		*statement = sealed_head_statement("01ARZ3NDEKTSV4RRFFQ69G5FAV", "gate",
			true, head->position, head->chain, clock_now());
	FILE *f;

	assert_non_null(statement);
	sign(s, statement, signature);
	text = sealed_head_assemble(
		statement, span_of(s->certificate, s->certificate_len), signature);
	assert_non_null(text);
	path_of_head(s, head->position, "json", path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(text);
	free(statement);
}

/* A head of this chain, or of another that went another way. */
static inline struct engine_head head_at(struct set_back *s, int64_t position, bool other)
{
	struct engine_head head = { .position = position };

	assert_int_equal(engine_begin(s->batch.engine), 0);
	assert_int_equal(
		engine_chain_at(s->batch.engine, position, head.chain), QUEUE_DONE);
	engine_rollback(s->batch.engine);
	if (other)
		head.chain[0] ^= 1;
	return head;
}

static inline bool there(const struct set_back *s, int64_t position, const char *kind)
{
	char path[256];

	path_of_head(s, position, kind, path);
	return access(path, F_OK) == 0;
}

static inline void ask(const struct set_back *s, const char *sql)
{
	assert_int_equal(sqlite_exec(sqlite_of(s->batch.engine), sql), 0);
}

/* Does the last record say so? */
static inline bool last_says(struct set_back *s, const char *detail)
{
	char where[80];
	sqlite3_stmt *q = NULL;
	bool says = false;

	snprintf(where, sizeof(where), "SELECT record FROM audit WHERE position=%lld",
		(long long)s->batch.head.position);
	assert_int_equal(
		sqlite3_prepare_v2(sqlite_of(s->batch.engine)->db, where, -1, &q, NULL),
		SQLITE_OK);
	if (sqlite3_step(q) == SQLITE_ROW)
		says = strstr((const char *)sqlite3_column_text(q, 0), detail) != NULL;
	sqlite3_finalize(q);
	return says;
}

static int setup(void **state)
{
	struct set_back *s = calloc(1, sizeof(*s));
	_cleanup_(freep) char *error = NULL;
	struct engine_place place = { 0 };
	struct engine *e = NULL;
	char path[256];

	snprintf(s->folder, sizeof(s->folder), "/tmp/sealgate-back-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(path, sizeof(path), "%s/heads", s->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	place.folder = s->folder;
	assert_int_equal(engine_open_at(&place, &e, &error), 0);
	batch_init(&s->batch, s->folder, e);
	make_certificate(s);
	add_records(s, RECORDS);
	s->batch.began = RECORDS; /* as after a start */
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct set_back *s = *state;

	batch_done(&s->batch, true);
	EVP_PKEY_free(s->key);
	OPENSSL_free(s->certificate);
	nftw(s->folder, house_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

#endif
