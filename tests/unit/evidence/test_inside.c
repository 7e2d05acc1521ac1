/* SPDX-License-Identifier: EUPL-1.2 */
/* A seal in the document: ordered, made in phases, put in, checked; and what cannot be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "common/json.h"
#include "evidence/inside.h"
#include "pki/material.h"
#include "xades/trial.h"

#include <errno.h>

#define NOW 1780000000
#define ID "01J00000000000000000000000"

static const char DOCUMENT[] = "<c xmlns=\"urn:test\"><n>1</n></c>\n";
static struct trial_signer PARTNER, SEAL, OTHER;

static void sign_in(const struct trial_signer *by, enum xades_place place, const char *id,
	struct span document, struct buf *ret)
{
	_cleanup_(freep) char *reason = NULL;
	const struct xades_plan plan = { .place = place,
		.document = document,
		.signer = by->certificate,
		.signature_method = by->method,
		.signing_time = NOW,
		.id = id };
	uint8_t digest[64], value[TRIAL_VALUE_MAX];
	struct xades_draft *d;
	size_t len;

	if (xades_prepare(&plan, &d, digest, &len, &reason) != 0)
		fail_msg("%s", reason);
	len = trial_value(by, span_of(digest, len), value);
	assert_int_equal(xades_set_value(d, span_of(value, len)), 0);
	buf_init(ret, LIMIT_DOCUMENT);
	assert_int_equal(xades_write(d, ret), 0);
	xades_draft_free(d);
}

/* The document as a partner signed it. */
static void partner_document(enum xades_place place, struct buf *ret)
{
	sign_in(&PARTNER, place, "partner", span_str(DOCUMENT), ret);
}

static void carry_out(const struct inside_order *o, struct inside_answer *ret)
{
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_buf_ struct buf octets;

	buf_init(&octets, INSIDE_ORDER_MAX);
	assert_int_equal(inside_order_write(o, &octets), 0);
	assert_int_equal(inside_make(buf_span(&octets), &answer), 0);
	assert_int_equal(inside_answer_read(answer, ret), 0);
}

static struct inside_order order_of(enum xades_place place, struct span document)
{
	return (struct inside_order){ .place = place,
		.document = document,
		.document_id = ID,
		.role = "TEST seal",
		.mechanism = SEAL.method,
		.signing_time = NOW,
		.certificates = &SEAL.certificate,
		.certificate_count = 1 };
}

/* Both phases; the sealed document. */
static void seal_in(enum xades_place place, struct span document, struct buf *ret)
{
	struct inside_order o = order_of(place, document);
	uint8_t value[TRIAL_VALUE_MAX];
	struct inside_answer a;

	carry_out(&o, &a);
	assert_null(a.reason);
	assert_null(a.insert);
	o.value = span_of(
		value, trial_value(&SEAL, span_of(a.digest, a.digest_len), value));
	inside_answer_done(&a);
	carry_out(&o, &a);
	assert_non_null(a.insert);
	assert_true(a.imprint_len > 0);
	buf_init(ret, INSIDE_ORDER_MAX);
	assert_int_equal(inside_insert(document, &a, ret), 0);
	inside_answer_done(&a);
}

static const char *check_at(enum xades_place place, struct span document,
	struct span sealed, const char *id, enum xades_indication *ret_seal)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	const struct xades_options options = {
		.profile = XADES_EIDAS, .at = NOW, .material = m
	};
	const char *why;

	assert_int_equal(
		inside_check(document, sealed, place, id, &options, &why, ret_seal), 0);
	return why;
}

static const char *check(struct span document, struct span sealed, const char *id,
	enum xades_indication *ret_seal)
{
	return check_at(XADES_PARALLEL, document, sealed, id, ret_seal);
}

static void made_where_it_survives(void **state)
{
	static const struct {
		enum xades_place partner, seal;
	} CASES[] = { { XADES_PARALLEL, XADES_PARALLEL },
		{ XADES_PARALLEL, XADES_COUNTER }, { XADES_ENVELOPED, XADES_COUNTER } };

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		_cleanup_buf_ struct buf document, sealed;
		enum xades_indication seal;

		partner_document(CASES[i].partner, &document);
		seal_in(CASES[i].seal, buf_span(&document), &sealed);
		assert_null(check_at(CASES[i].seal, buf_span(&document),
			buf_span(&sealed), ID, &seal));
		/* In the other's place it is not what it says it is. */
		assert_non_null(check_at(
			CASES[i].seal == XADES_COUNTER ? XADES_PARALLEL : XADES_COUNTER,
			buf_span(&document), buf_span(&sealed), ID, &seal));
		/* Nobody's anchors are here: it is right by itself, and not proven. */
		assert_int_equal(seal, XADES_INDETERMINATE);
	}
}

static void not_where_a_signature_would_break(void **state)
{
	_cleanup_buf_ struct buf document;
	struct inside_answer a;
	struct inside_order o;

	(void)state;
	partner_document(XADES_ENVELOPED, &document);
	o = order_of(XADES_PARALLEL, buf_span(&document));
	carry_out(&o, &a);
	/* Before anything is signed. */
	assert_non_null(a.reason);
	assert_non_null(strstr(a.reason, "would not survive"));
	assert_null(a.digest);
	inside_answer_done(&a);
}

static void not_in_what_is_not_signed(void **state)
{
	struct inside_order o = order_of(XADES_PARALLEL, span_str(DOCUMENT));
	struct inside_answer a;

	(void)state;
	carry_out(&o, &a);
	assert_non_null(a.reason);
	inside_answer_done(&a);
}

/* A value by another key is no seal. */
static void a_foreign_value(void **state)
{
	_cleanup_buf_ struct buf document, octets;
	_cleanup_json_ json_t *answer = NULL;
	uint8_t value[TRIAL_VALUE_MAX];
	struct inside_order o;
	struct inside_answer a;

	(void)state;
	partner_document(XADES_PARALLEL, &document);
	o = order_of(XADES_PARALLEL, buf_span(&document));
	carry_out(&o, &a);
	o.value = span_of(
		value, trial_value(&OTHER, span_of(a.digest, a.digest_len), value));
	inside_answer_done(&a);
	buf_init(&octets, INSIDE_ORDER_MAX);
	assert_int_equal(inside_order_write(&o, &octets), 0);
	assert_int_equal(inside_make(buf_span(&octets), &answer), -EBADMSG);
	assert_null(answer);
}

static void checks_see_everything(void **state)
{
	_cleanup_buf_ struct buf document, other, sealed, twice, stranger;
	_cleanup_(freep) char *copy = NULL;
	enum xades_indication seal;
	struct span doc, good;
	size_t more, end;

	(void)state;
	partner_document(XADES_PARALLEL, &document);
	doc = buf_span(&document);
	seal_in(XADES_PARALLEL, doc, &sealed);
	good = buf_span(&sealed);
	more = good.len - doc.len;
	assert_null(check(doc, good, ID, &seal));
	assert_non_null(check(doc, good, "01J00000000000000000000001", &seal));
	assert_non_null(check(doc, good, NULL, &seal));
	assert_non_null(check(doc, doc, ID, &seal));
	/* Another document, a second signature, somebody else's. */
	sign_in(&PARTNER, XADES_PARALLEL, "partner",
		span_str("<c xmlns=\"urn:test\"><n>2</n></c>\n"), &other);
	assert_non_null(check(buf_span(&other), good, ID, &seal));
	sign_in(&OTHER, XADES_PARALLEL, "more", good, &twice);
	assert_non_null(check(doc, buf_span(&twice), ID, &seal));
	sign_in(&OTHER, XADES_PARALLEL, "more", doc, &stranger);
	assert_non_null(check(doc, buf_span(&stranger), ID, &seal));
	/* Octets of what was put in; from its value on they are not signed. */
	end = (size_t)((const uint8_t *)memmem(
			       good.data + doc.len - 6, more, "<ds:SignatureValue", 18) -
		       good.data);
	copy = malloc(good.len);
	assert_non_null(copy);
	for (size_t i = doc.len - 6; i < end; i += 97) {
		memcpy(copy, good.data, good.len);
		copy[i] ^= 1;
		assert_non_null(check(doc, span_of(copy, good.len), ID, &seal));
	}
}

static void what_is_no_order(void **state)
{
	static const char *const TEXTS[] = { "", "{}", "\n", "{}\n<c/>", "[]\n<c/>",
		"{\"place\":\"parallel\"}\n<c/>",
		"{\"certificates\":[],\"document\":\"x\",\"mechanism\":\"m\",\"place\":"
		"\"parallel\",\"role\":\"r\",\"signing_time\":1,\"token\":\"\",\"value\":"
		"\"\"}\n<c/>",
		"{\"certificates\":[\"QQ==\"],\"document\":\"x\",\"mechanism\":\"m\","
		"\"place\":\"parallel\",\"role\":\"r\",\"signing_time\":1,\"token\":\"\","
		"\"value\":\"\"}\n<c/>",
		"{\"certificates\":[\"QQ==\"],\"document\":\"x\",\"mechanism\":\"m\","
		"\"place\":\"above\",\"role\":\"r\",\"signing_time\":1,\"token\":\"\","
		"\"value\":\"\"}\n<c/>" };
	json_t *answer;

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		assert_int_equal(inside_make(span_str(TEXTS[i]), &answer), -EPROTO);
		assert_null(answer);
	}
}

static void what_is_no_answer(void **state)
{
	static const char *const TEXTS[] = { "{}", "{\"digest\":1}", "{\"digest\":\"*\"}",
		"{\"at\":-1,\"imprint\":\"QQ==\",\"insert\":\"x\"}",
		"{\"at\":1,\"imprint\":\"QQ==\",\"insert\":\"\"}",
		"{\"at\":1,\"insert\":\"x\"}",
		"{\"imprint\":\"QQ==\",\"insert\":\"x\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		_cleanup_json_ json_t *json = json_read(span_str(TEXTS[i]), 1024);
		struct inside_answer a;

		assert_non_null(json);
		assert_int_equal(inside_answer_read(json, &a), -EPROTO);
		inside_answer_done(&a);
	}
}

static void never_beyond_the_document(void **state)
{
	char text[] = "x";
	const struct inside_answer a = { .at = 5, .insert = text };
	_cleanup_buf_ struct buf ret;

	(void)state;
	buf_init(&ret, 16);
	assert_int_equal(inside_insert(span_str("<c/>"), &a, &ret), -EPROTO);
	assert_int_equal(ret.len, 0);
}

static int set_up(void **state)
{
	(void)state;
	return xades_setup() == 0 && trial_signer_make(TRIAL_P256, NOW, &PARTNER) == 0 &&
			       trial_signer_make(TRIAL_P256, NOW, &SEAL) == 0 &&
			       trial_signer_make(TRIAL_P256, NOW, &OTHER) == 0
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	(void)state;
	trial_signer_done(&PARTNER);
	trial_signer_done(&SEAL);
	trial_signer_done(&OTHER);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_where_it_survives),
		cmocka_unit_test(not_where_a_signature_would_break),
		cmocka_unit_test(not_in_what_is_not_signed),
		cmocka_unit_test(a_foreign_value),
		cmocka_unit_test(checks_see_everything),
		cmocka_unit_test(what_is_no_order),
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(never_beyond_the_document),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
