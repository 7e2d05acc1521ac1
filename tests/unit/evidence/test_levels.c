/* SPDX-License-Identifier: EUPL-1.2 */
/* Every kind of key at every level in every form: container, counter-signature, parallel
 * signature. With SEALGATE_TEST_KEEP=FOLDER the files stay there for other judges. */
#include "evidence/asic.h"
#include "evidence/augment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "common/durable.h"
#include "levels.h"
#include "verified.h"
#include "xades/augment.h"
#include "xades/create.h"

#include <openssl/pem.h>

#define LATER (NOW + 3600) /* when validation data is added */
#define DOCUMENT "<?xml version=\"1.0\"?>\n<a xmlns=\"urn:a\"><b>\xc3\xa9</b></a>\n"

static struct pki_material *FRESH; /* with a CRL that is younger than the seals */

static void keep(
	const char *name, const char *level, const char *ending, struct span data)
{
	const char *folder = getenv("SEALGATE_TEST_KEEP");
	char path[512];

	if (!folder)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s-%s.%s", folder, name, level, ending);
	assert_int_equal(durable_write(path, data, 0644), 0);
}

static void keep_pem(const char *name, X509 *x, X509_CRL *crl)
{
	const char *folder = getenv("SEALGATE_TEST_KEEP");
	char path[512];
	FILE *f;

	if (!folder)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	if (x)
		PEM_write_X509(f, x);
	else
		i2d_X509_CRL_fp(f, crl);
	fclose(f);
}

/* The house as it is an hour later: the same authority, a new CRL. */
static X509_CRL *fresh_crl(const struct house *h)
{
	X509_CRL *crl = X509_CRL_dup(h->crl);
	ASN1_TIME *t = ASN1_TIME_adj(NULL, (time_t)h->now, 0, 1800);

	X509_CRL_set1_lastUpdate(crl, t);
	assert_true(X509_CRL_sign(crl, h->ca_key, EVP_sha256()) > 0);
	ASN1_TIME_free(t);
	return crl;
}

static void make_fresh(void)
{
	X509_CRL *crl = fresh_crl(&HOUSE_OF_TESTS);
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);

	FRESH = pki_material_copy(MATERIAL);
	assert_int_equal(pki_material_add_crl(FRESH, span_of(der, (size_t)len)), 0);
	keep_pem("ca.crl", NULL, crl);
	keep_pem("ca.pem", HOUSE_OF_TESTS.ca, NULL);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

static int open_all(void **state)
{
	set_up(state);
	level_keys_open(&HOUSE_OF_TESTS);
	make_fresh();
	return 0;
}

static int close_all(void **state)
{
	level_keys_done();
	pki_material_free(FRESH);
	return tear_down(state);
}

/* A token of the house over octets. The caller frees. */
static struct span token_over(struct span octets, int64_t gen_time)
{
	uint8_t digest[SHA256_SIZE], *query, *token;
	char *reason = NULL;
	unsigned char *answer;
	size_t len;

	assert_int_equal(digest_sha256(octets, digest), 0);
	assert_int_equal(token_request(digest, 9, &query, &len), 0);
	len = house_answer(&HOUSE_OF_TESTS, span_of(query, len), gen_time, &answer);
	free(query);
	assert_int_equal(
		token_response(span_of(answer, len), digest, 9, &token, &len, &reason),
		1);
	OPENSSL_free(answer);
	return span_of(token, len);
}

/* Containers ------------------------------------------------------------------------ */

static void make_container(const struct level_key *k, const char *name, struct buf *ret)
{
	_cleanup_(container_freep) struct container *c = NULL;
	struct container_plan plan = SEALED.plan;
	char *reason = NULL;
	uint8_t digest[64], value[1024];
	size_t len;

	plan.signer = k->certificate;
	plan.mechanism = k->mechanism;
	assert_int_equal(container_prepare(&plan, &c, digest, &len, &reason), 0);
	len = level_sign(k, digest, len, value);
	assert_int_equal(container_set_value(c, span_of(value, len)), 0);
	buf_init(ret, LIMIT_CONTAINER);
	assert_int_equal(container_finish(c, ret), 0);
	keep(name, "B", "asice", buf_span(ret));
	sealed_stamp(&HOUSE_OF_TESTS, c, NOW + 1);
	ret->len = 0;
	assert_int_equal(container_finish(c, ret), 0);
}

static void assert_level(struct span container, const struct pki_material *m, int64_t at,
	const char *level)
{
	_cleanup_answer_ struct answer a = verify(container, m, at);
	const json_t *seal = json_array_get(json_object_get(a.report, "signatures"), 0);

	if (!a.valid || strcmp(json_string_of(seal, "level"), level) != 0)
		json_dumpf(a.report, stderr, JSON_INDENT(1));
	assert_int_equal(a.valid, 1);
	assert_string_equal(json_string_of(seal, "level"), level);
}

static struct evidence_augment_plan plan_of(const struct buf *container, int64_t at)
{
	return (struct evidence_augment_plan){
		.container = buf_span(container), .material = FRESH, .at = at
	};
}

static void add_data(const struct buf *from, struct buf *ret)
{
	struct evidence_augment_plan plan = plan_of(from, LATER);
	_cleanup_(freep) char *reason = NULL;

	buf_init(ret, LIMIT_CONTAINER);
	if (evidence_add_validation_data(&plan, ret, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
}

static void archive(const struct buf *from, int64_t at, struct buf *ret)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *a = NULL;
	struct evidence_augment_plan plan = plan_of(from, at);
	_cleanup_(freep) char *reason = NULL;
	_cleanup_buf_ struct buf octets;
	struct span token;
	int r;

	buf_init(&octets, LIMIT_CONTAINER);
	buf_init(ret, LIMIT_CONTAINER);
	r = evidence_archive_prepare(&plan, &a, &octets, &reason);
	if (r != 1)
		fail_msg("%d %s", r, reason ? reason : "");
	token = token_over(buf_span(&octets), at);
	if (evidence_archive_finish(a, token, at + 1, ret, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	free((void *)(uintptr_t)token.data);
}

static void containers_of_every_key(void **state)
{
	_cleanup_(pki_material_freep) struct pki_material *alone =
		pki_material_with_anchors_of(MATERIAL);

	(void)state;
	for (size_t i = 0; i < LEVEL_KEY_COUNT; i++) {
		_cleanup_buf_ struct buf t, lt, lta, again;
		char name[64];

		(void)snprintf(name, sizeof(name), "container-%s", LEVEL_KEYS[i].name);
		make_container(&LEVEL_KEYS[i], name, &t);
		assert_level(buf_span(&t), MATERIAL, NOW + 60, "XAdES-BASELINE-T");
		keep(name, "T", "asice", buf_span(&t));
		add_data(&t, &lt);
		assert_level(buf_span(&lt), alone, LATER, "XAdES-BASELINE-LT");
		keep(name, "LT", "asice", buf_span(&lt));
		archive(&lt, LATER + 60, &lta);
		assert_level(buf_span(&lta), alone, LATER + 120, "XAdES-BASELINE-LTA");
		keep(name, "LTA", "asice", buf_span(&lta));
		archive(&lta, LATER + 7200, &again);
		assert_level(buf_span(&again), alone, LATER + 7300, "XAdES-BASELINE-LTA");
		keep(name, "LTA2", "asice", buf_span(&again));
	}
}

/* Within XML ------------------------------------------------------------------------ */

static struct xades_options options_of(const struct pki_material *m, int64_t at)
{
	return (struct xades_options){ .profile = XADES_EIDAS, .at = at, .material = m };
}

static void sign_xml(const struct level_key *k, enum xades_place place, const char *id,
	struct span document, struct buf *ret)
{
	_cleanup_(freep) char *reason = NULL;
	struct xades_plan plan = { .place = place,
		.document = document,
		.signer = k->certificate,
		.signature_method = k->mechanism,
		.signing_time = NOW,
		.id = id };
	struct xades_draft *d;
	uint8_t digest[64], value[1024];
	size_t len;

	if (xades_prepare(&plan, &d, digest, &len, &reason) != 0)
		fail_msg("%s", reason);
	len = level_sign(k, digest, len, value);
	assert_int_equal(xades_set_value(d, span_of(value, len)), 0);
	buf_init(ret, LIMIT_CONTAINER);
	assert_int_equal(xades_write(d, ret), 0);
	xades_draft_free(d);
}

static void stamp_xml(const struct buf *from, const char *id, enum xades_stamp_kind kind,
	int64_t at, struct buf *ret)
{
	struct xades_options options = options_of(FRESH, at);
	struct xades_augment_plan plan = {
		.file = buf_span(from), .options = &options, .id = id
	};
	_cleanup_(xades_stamp_freep) struct xades_stamp *s = NULL;
	_cleanup_(freep) char *reason = NULL;
	_cleanup_buf_ struct buf octets;
	struct span token;

	buf_init(&octets, LIMIT_CONTAINER);
	buf_init(ret, LIMIT_CONTAINER);
	if (xades_stamp_prepare(&plan, kind, &s, &octets, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	token = token_over(buf_span(&octets), at);
	if (xades_stamp_finish(s, token, at + 1, ret, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	free((void *)(uintptr_t)token.data);
}

static void assert_signature(const struct buf *file, const struct pki_material *m,
	int64_t at, const char *id, const char *level)
{
	struct xades_options options = options_of(m, at);
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	bool found = false;

	assert_int_equal(xades_validate(buf_span(file), &options, &report), 0);
	for (size_t i = 0; i < report->count; i++) {
		const struct xades_signature *s = &report->signatures[i];

		assert_int_equal(s->indication, XADES_TOTAL_PASSED);
		for (size_t k = 0; k < s->timestamp_count; k++)
			assert_string_equal(s->timestamps[k].indication, "PASSED");
		if (strcmp(s->id, id) == 0) {
			assert_string_equal(s->level, level);
			found = true;
		}
	}
	assert_true(found);
}

/* The seal of the gate over or beside the signature of an officer. */
static void in_document(
	const struct level_key *k, enum xades_place place, const char *form)
{
	struct xades_options options = options_of(FRESH, LATER);
	struct xades_augment_plan plan = { .options = &options, .id = "seal" };
	_cleanup_buf_ struct buf officer, b, t, lt, lta;
	_cleanup_(freep) char *reason = NULL;
	char name[64];

	(void)snprintf(name, sizeof(name), "%s-%s", form, k->name);
	sign_xml(&LEVEL_KEYS[4], XADES_PARALLEL, "officer", span_str(DOCUMENT), &officer);
	sign_xml(k, place, "seal", buf_span(&officer), &b);
	assert_signature(&b, MATERIAL, NOW + 9, "seal", "XAdES-BASELINE-B");
	keep(name, "B", "xml", buf_span(&b));
	stamp_xml(&b, "seal", XADES_STAMP_SIGNATURE, NOW + 10, &t);
	assert_signature(&t, MATERIAL, NOW + 60, "seal", "XAdES-BASELINE-T");
	keep(name, "T", "xml", buf_span(&t));
	plan.file = buf_span(&t);
	buf_init(&lt, LIMIT_CONTAINER);
	if (xades_add_validation_data(&plan, &lt, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	assert_signature(&lt, FRESH, LATER, "seal", "XAdES-BASELINE-LT");
	keep(name, "LT", "xml", buf_span(&lt));
	stamp_xml(&lt, "seal", XADES_STAMP_ARCHIVE, LATER + 60, &lta);
	assert_signature(&lta, FRESH, LATER + 120, "seal", "XAdES-BASELINE-LTA");
	keep(name, "LTA", "xml", buf_span(&lta));
}

static void counter_signatures_of_every_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEVEL_KEY_COUNT; i++)
		in_document(&LEVEL_KEYS[i], XADES_COUNTER, "counter");
}

static void parallel_signatures_of_every_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEVEL_KEY_COUNT; i++)
		in_document(&LEVEL_KEYS[i], XADES_PARALLEL, "parallel");
}

/* What is not possible --------------------------------------------------------------- */

static void revocation_data_must_be_younger(void **state)
{
	struct evidence_augment_plan plan = { .material = MATERIAL, .at = LATER };
	_cleanup_(freep) char *reason = NULL;
	_cleanup_buf_ struct buf t, out;

	(void)state;
	make(&SEALED.plan, &t);
	plan.container = buf_span(&t);
	buf_init(&out, LIMIT_CONTAINER);
	assert_int_equal(evidence_add_validation_data(&plan, &out, &reason), 0);
	assert_non_null(strstr(reason, "younger"));
	assert_int_equal(out.len, 0);
}

static void levels_come_in_order(void **state)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *a = NULL;
	_cleanup_(freep) char *reason = NULL, *twice = NULL;
	_cleanup_buf_ struct buf t, lt, out;
	struct evidence_augment_plan plan;

	(void)state;
	make(&SEALED.plan, &t);
	plan = plan_of(&t, LATER);
	buf_init(&out, LIMIT_CONTAINER);
	assert_int_equal(evidence_archive_prepare(&plan, &a, &out, &reason), 0);
	assert_non_null(strstr(reason, "not of LT"));
	add_data(&t, &lt);
	plan = plan_of(&lt, LATER);
	assert_int_equal(evidence_add_validation_data(&plan, &out, &twice), 0);
	assert_non_null(strstr(twice, "already"));
}

static void a_wrong_token_is_not_taken(void **state)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *a = NULL;
	_cleanup_(freep) char *reason = NULL, *why = NULL;
	_cleanup_buf_ struct buf t, lt, octets, out;
	struct evidence_augment_plan plan;
	struct span token;

	(void)state;
	make(&SEALED.plan, &t);
	add_data(&t, &lt);
	plan = plan_of(&lt, LATER);
	buf_init(&octets, LIMIT_CONTAINER);
	buf_init(&out, LIMIT_CONTAINER);
	assert_int_equal(evidence_archive_prepare(&plan, &a, &octets, &reason), 1);
	token = token_over(span_str("other octets"), LATER);
	assert_int_equal(evidence_archive_finish(a, token, LATER + 1, &out, &why), 0);
	assert_non_null(strstr(why, "HASH_FAILURE"));
	assert_int_equal(out.len, 0);
	free((void *)(uintptr_t)token.data);
}

/* What was added is covered, too: by the archive time-stamp or by being about the seal.
 */
static void octets_that_were_added_count(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf t, lt, lta;
	size_t unseen = 0, from, to;
	struct asic a;
	uint8_t *copy;

	(void)state;
	make(&SEALED.plan, &t);
	add_data(&t, &lt);
	archive(&lt, LATER + 60, &lta);
	assert_int_equal(asic_read(buf_span(&lta), &f, &a), 1);
	copy = malloc(a.parts[ASIC_SIGNATURES].len);
	from = (size_t)((uint8_t *)memmem(a.parts[ASIC_SIGNATURES].data,
				a.parts[ASIC_SIGNATURES].len, "<xades:CertificateV", 19) -
			a.parts[ASIC_SIGNATURES].data);
	to = (size_t)((uint8_t *)memmem(a.parts[ASIC_SIGNATURES].data,
			      a.parts[ASIC_SIGNATURES].len, "<xades141:ArchiveTime", 21) -
		      a.parts[ASIC_SIGNATURES].data);
	for (size_t i = from; i < a.parts[ASIC_SIGNATURES].len; i += 7) {
		_cleanup_answer_ struct answer answer = { 0 };
		_cleanup_buf_ struct buf again;
		struct asic changed = a;

		memcpy(copy, a.parts[ASIC_SIGNATURES].data, a.parts[ASIC_SIGNATURES].len);
		copy[i] ^= 1;
		changed.parts[ASIC_SIGNATURES].data = copy;
		buf_init(&again, LIMIT_CONTAINER);
		assert_int_equal(asic_write(&changed, &again), 0);
		answer = verify(buf_span(&again), FRESH, LATER + 120);
		if (!answer.valid)
			continue;
		if (i < to)
			fail_msg("octet %zu of the validation data", i);
		unseen++;
	}
	free(copy);
	assert_true(unseen < 32); /* within the token, see test_alteration */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers_of_every_key),
		cmocka_unit_test(counter_signatures_of_every_key),
		cmocka_unit_test(parallel_signatures_of_every_key),
		cmocka_unit_test(revocation_data_must_be_younger),
		cmocka_unit_test(levels_come_in_order),
		cmocka_unit_test(a_wrong_token_is_not_taken),
		cmocka_unit_test(octets_that_were_added_count),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
