/* SPDX-License-Identifier: EUPL-1.2 */
/* What anybody may put beside a seal, as nothing signs it, costs a verifier a bounded
 * amount of work. */
#include "evidence/asic.h"
#include "evidence/augment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "common/clock.h"
#include "common/encode.h"
#include "other.h"

#define ELEMENT "EncapsulatedX509Certificate>"

/* Level LT: it carries certificates. */
static void add_data(struct other *o)
{
	struct house *h = &HOUSE_OF_TESTS;
	struct evidence_augment_plan plan;
	_cleanup_(freep) char *reason = NULL;
	struct buf lt;

	other_open(o, 3650, SEAL_AS_USUAL, NOW);
	house_add_list(o->material,
		&(struct house_list){ h->ca, h->ca_key, NOW + DAY, 30, NULL, 0 });
	publish(o, NOW + DAY, NULL, 0);
	plan = (struct evidence_augment_plan){ .container = buf_span(&o->container),
		.material = o->material,
		.at = NOW + DAY + 60,
		.released = true };
	buf_init(&lt, LIMIT_CONTAINER);
	if (evidence_add_validation_data(&plan, &lt, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	buf_done(&o->container);
	o->container = lt;
}

/* One that could have issued the receipts' certificate, by its name. */
static char *namesake(EVP_PKEY *key)
{
	X509 *x = house_certificate(NOW, key, "Authority of receipts", NULL, key,
		"critical,keyCertSign,cRLSign", NULL);
	unsigned char *der = NULL;
	int len;
	char *text;

	/* nothing but the name: no key identifier tells them apart */
	X509_EXTENSION_free(X509_delete_ext(
		x, X509_get_ext_by_NID(x, NID_subject_key_identifier, -1)));
	X509_EXTENSION_free(X509_delete_ext(
		x, X509_get_ext_by_NID(x, NID_authority_key_identifier, -1)));
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	len = i2d_X509(x, &der);
	text = base64_encode(span_of(der, (size_t)len));
	assert_non_null(text);
	OPENSSL_free(der);
	X509_free(x);
	return text;
}

/* The element of a certificate that the seal carries, again and again with another. */
static void put_in(struct other *o, const char *certificate, int times)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	_cleanup_buf_ struct buf text;
	const char *seal, *first, *element, *end;
	struct buf container;
	struct asic parts;

	assert_int_equal(asic_read(buf_span(&o->container), &f, &parts), 1);
	seal = (const char *)parts.parts[ASIC_SIGNATURES].data;
	first = memmem(
		seal, parts.parts[ASIC_SIGNATURES].len, ":" ELEMENT, strlen(":" ELEMENT));
	assert_non_null(first);
	for (element = first; *element != '<'; element--)
		;
	buf_init(&text, LIMIT_CONTAINER);
	buf_add(&text, seal, (size_t)(element - seal));
	end = first + strlen(":" ELEMENT);
	for (int i = 0; i < times; i++) {
		buf_add(&text, element, (size_t)(end - element));
		buf_add_str(&text, certificate);
		buf_add_str(&text, "</xades:" ELEMENT);
	}
	buf_add(&text, element,
		parts.parts[ASIC_SIGNATURES].len - (size_t)(element - seal));
	assert_int_equal(text.error, 0);
	parts.parts[ASIC_SIGNATURES] = buf_span(&text);
	buf_init(&container, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&parts, &container), 0);
	buf_done(&o->container);
	o->container = container;
}

static void expect(const struct other *o, const char *found, const char *not_found)
{
	int64_t began = clock_monotonic_ms();
	_cleanup_answer_ struct answer a =
		verify(buf_span(&o->container), o->material, NOW + 2 * DAY);

	print_message("verified in %lld ms: %s\n",
		(long long)(clock_monotonic_ms() - began),
		json_string_of(a.report, "indication"));
	assert_int_equal(a.valid, found == NULL);
	if (found && !findings_have(&a.findings, found))
		json_dumpf(a.report, stderr, JSON_INDENT(1));
	if (found)
		assert_true(findings_have(&a.findings, found));
	assert_false(findings_have(&a.findings, not_found));
}

static void one_that_does_not_belong(void **state)
{
	_cleanup_(freep) char *certificate = NULL;
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	add_data(&o);
	expect(&o, NULL, "evidence.values");
	certificate = namesake(o.key);
	put_in(&o, certificate, 1);
	expect(&o, "evidence.signature-file", "evidence.values");
}

static void so_many_that_they_are_not_counted(void **state)
{
	_cleanup_(freep) char *certificate = NULL;
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	add_data(&o);
	certificate = namesake(o.key);
	put_in(&o, certificate, 1100);
	expect(&o, "evidence.values", "evidence.signature-file");
}

static void such_that_cost_much_to_look_at(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-521");
	_cleanup_(freep) char *certificate = NULL;
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	add_data(&o);
	certificate = namesake(key);
	put_in(&o, certificate, 400);
	expect(&o, "evidence.values", "evidence.signature-file");
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_does_not_belong),
		cmocka_unit_test(so_many_that_they_are_not_counted),
		cmocka_unit_test(such_that_cost_much_to_look_at),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
