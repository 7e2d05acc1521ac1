/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/xades/one_house.h"

#include "xades/draft.h"

#include <errno.h>

static void passes(char *text)
{
	char *copy = strdup(text);

	expect(&h, copy, XADES_EIDAS, XADES_TOTAL_PASSED, "");
	expect(&h, text, XADES_GATE, XADES_TOTAL_PASSED, "");
}

static void every_method(void **state)
{
	const struct {
		const struct party *signer;
		const char *method;
	} CASES[] = { { &h.rsa, "rsa-sha256" }, { &h.rsa, "rsa-sha384" },
		{ &h.rsa, "rsa-sha512" }, { &h.rsa, "rsa-pss-sha256" },
		{ &h.rsa, "rsa-pss-sha512" }, { &h.ec, "ecdsa-sha256" },
		{ &h.p384, "ecdsa-sha384" }, { &h.ec, "ecdsa-sha512" } };

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		for (int place = XADES_ENVELOPED; place <= XADES_PARALLEL; place++)
			passes(make(&h, (struct wish){ .signer = CASES[i].signer,
						.method = CASES[i].method,
						.place = (enum xades_place)place }));
}

/* EN 319 132-1 6.3: level B has what it must, T also a token. */
static void level_and_octets(void **state)
{
	char *text = make(&h, (struct wish){ .place = XADES_ENVELOPED,
				      .stamped_at = STAMPED_AT,
				      .more = { .claimed_role = "Officer & <vet>",
					      .commitment = "urn:c" } });
	struct xades_report *r = validate(&h, text, XADES_GATE);
	const struct xades_signature *s = &r->signatures[0];
	struct octets der = der_of(s->signer);

	(void)state;
	assert_int_equal(r->count, 1);
	assert_string_equal(s->level, "XAdES-BASELINE-T");
	assert_string_equal(s->scope, "full");
	assert_string_equal(s->id, "s1");
	assert_int_equal(s->signing_time, when(SIGNED_AT));
	assert_int_equal(s->best_signature_time, when(STAMPED_AT));
	assert_string_equal(s->timestamps[0].indication, "PASSED");
	assert_int_equal(X509_cmp(s->signer, h.ec.cert), 0);
	/* What was signed is the document without the signature and outer comments. */
	assert_non_null(s->signed_octets);
	assert_null(memmem(s->signed_octets, s->signed_len, "Signature", 9));
	assert_memory_equal(s->signed_octets, "<a:doc xmlns:a=\"urn:a\"", 22);
	octets_done(&der);
	xades_report_free(r);
	free(text);
}

/* The octets outside the signature are those of the document. */
static void document_untouched(void **state)
{
	for (int place = XADES_ENVELOPED; place <= XADES_PARALLEL; place++) {
		char *text = make(&h, (struct wish){ .place = (enum xades_place)place });
		char *start = strstr(text, "<ds:Signature ");
		char *end = strstr(text, "</ds:Signature>") + strlen("</ds:Signature>");

		memmove(start, end, strlen(end) + 1);
		assert_string_equal(text, DOCUMENT);
		free(text);
	}
	(void)state;
}

static void parallel_in_either_order(void **state)
{
	char *first = make(&h, (struct wish){ .place = XADES_PARALLEL, .id = "s1" });
	char *both = make(&h, (struct wish){ .place = XADES_PARALLEL,
				      .id = "s2",
				      .signer = &h.rsa,
				      .method = "rsa-sha256",
				      .document = span_str(first) });
	struct xades_report *r = validate(&h, both, XADES_GATE);

	(void)state;
	assert_int_equal(r->count, 2);
	assert_int_equal(r->indication, XADES_TOTAL_PASSED);
	assert_int_equal(r->signatures[0].signed_len, r->signatures[1].signed_len);
	xades_report_free(r);
	free(first);
	passes(both);
}

/* enveloped-signature covers every other signature: adding one breaks it. */
static void parallel_breaks_enveloped(void **state)
{
	char *first = make(&h, (struct wish){ .place = XADES_ENVELOPED, .id = "s1" });
	char *both = make(&h, (struct wish){ .place = XADES_PARALLEL,
				      .id = "s2",
				      .document = span_str(first) });

	(void)state;
	free(first);
	expect(&h, both, XADES_EIDAS, XADES_TOTAL_FAILED, "HASH_FAILURE");
}

static void counter_signature(void **state)
{
	for (int stamped = 0; stamped < 2; stamped++) {
		char *main =
			make(&h, (struct wish){ .place = XADES_ENVELOPED,
					 .id = "s1",
					 .stamped_at = stamped ? STAMPED_AT : NULL });
		char *both = make(&h, (struct wish){ .place = XADES_COUNTER,
					      .id = "s2",
					      .signer = &h.p384,
					      .method = "ecdsa-sha384",
					      .document = span_str(main) });
		struct xades_report *r = validate(&h, both, XADES_GATE);

		assert_int_equal(r->count, 2);
		assert_false(r->signatures[0].counter);
		assert_true(r->signatures[1].counter);
		assert_int_equal(r->signatures[1].parent, 0);
		assert_string_equal(r->signatures[1].scope, "counter-signature");
		xades_report_free(r);
		free(main);
		passes(both);
	}
	(void)state;
}

static void detached_files(void **state)
{
	const struct xades_object objects[] = {
		{ "a b%.xml", "text/xml", span_str("<x/>") },
		{ "dir/report.json", "application/json", span_str("{}") },
	};
	struct xades_detached given[] = {
		{ .name = "dir/report.json", .data = span_str("{}") },
		{ .name = "a b%.xml", .data = span_str("<x/>") },
	};
	char *text = make(
		&h, (struct wish){ .more = { .objects = objects, .object_count = 2 } });
	struct xades_options options = { .profile = XADES_EIDAS,
		.at = when(NOW),
		.material = h.m,
		.detached = given,
		.detached_count = 2 };
	struct xades_report *r = NULL;

	(void)state;
	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_int_equal(r->indication, XADES_TOTAL_PASSED);
	assert_string_equal(r->signatures[0].level, "XAdES-BASELINE-B");
	assert_string_equal(r->signatures[0].scope, "full");
	assert_null(r->signatures[0].signed_octets);
	xades_report_free(r);
	given[0].data = span_str("{ }");
	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_string_equal(r->sub_indication, "HASH_FAILURE");
	xades_report_free(r);
	options.detached_count = 1;
	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_string_equal(r->sub_indication, "SIGNED_DATA_NOT_FOUND");
	assert_false(r->signatures[0].refs_found);
	xades_report_free(r);
	free(text);
}

static void refuses(struct xades_plan plan, const char *why)
{
	struct xades_draft *d = NULL;
	uint8_t digest[64];
	size_t len;
	char *reason = NULL;

	plan.signer = h.ec.cert;
	if (!plan.signature_method)
		plan.signature_method = "ecdsa-sha256";
	assert_int_equal(xades_prepare(&plan, &d, digest, &len, &reason), -EINVAL);
	if (!strstr(reason, why))
		fail_msg("'%s' is not about '%s'", reason, why);
	assert_null(d);
	free(reason);
}

static void unusable_plans(void **state)
{
	char *done = make(&h, (struct wish){ .place = XADES_ENVELOPED });

	(void)state;
	refuses((struct xades_plan){ .id = "x", .place = XADES_DETACHED },
		"nothing to sign");
	refuses((struct xades_plan){ .id = "1x",
			.place = XADES_ENVELOPED,
			.document = span_str(DOCUMENT) },
		"identifier");
	refuses((struct xades_plan){ .id = "x",
			.signature_method = "rsa-sha1\"",
			.place = XADES_ENVELOPED },
		"method");
	refuses((struct xades_plan){ .id = "x",
			.place = XADES_ENVELOPED,
			.document = span_str("<a/>") },
		"end tag");
	refuses((struct xades_plan){ .id = "x",
			.place = XADES_ENVELOPED,
			.document = span_str("<!DOCTYPE a><a></a>") },
		"cannot be read");
	refuses((struct xades_plan){ .id = "x",
			.place = XADES_COUNTER,
			.document = span_str(DOCUMENT) },
		"no XAdES signature");
	refuses((struct xades_plan){ .id = "s1",
			.place = XADES_ENVELOPED,
			.document = span_str(done) },
		"already used");
	refuses((struct xades_plan){ .id = "x",
			.place = XADES_ENVELOPED,
			.document = span_str("<a xmlns=\"relative\"><b></b></a>") },
		"canonical");
	free(done);
}

/* Verify after sign: a value by another key never gets in. */
static void wrong_value(void **state)
{
	struct xades_plan plan = { .id = "x",
		.place = XADES_ENVELOPED,
		.document = span_str(DOCUMENT),
		.signer = h.ec.cert,
		.signature_method = "ecdsa-sha256",
		.signing_time = when(SIGNED_AT) };
	struct xades_draft *d = NULL;
	uint8_t digest[64], value[1024];
	size_t digest_len, len;
	char *reason = NULL;
	struct buf out;

	(void)state;
	buf_init(&out, 1u << 20);
	assert_int_equal(xades_prepare(&plan, &d, digest, &digest_len, &reason), 0);
	assert_int_equal(xades_write(d, &out), -EINVAL);
	assert_int_equal(xades_timestamp_octets(d, &out), -EINVAL);
	assert_int_equal(xades_add_timestamp(d, span_str("x")), -EINVAL);
	len = sign_digest(h.p384.key, "ecdsa-sha256", digest, digest_len, value);
	assert_int_equal(xades_set_value(d, span_of(value, len)), -EBADMSG);
	assert_int_equal(xades_set_value(d, span_of(value, 0)), -EBADMSG);
	assert_int_equal(xades_write(d, &out), -EINVAL);
	buf_done(&out);
	xades_draft_free(d);
}

static void end_tags(void **state)
{
	static const char TEXT[] = "<?x <a> ?><a b='</a>'><!-- <c> --><b/><c>"
				   "<![CDATA[</c>]]><d></d ></c></a >";
	size_t at;

	(void)state;
	assert_int_equal(end_tag_offset(span_str(TEXT), 0, &at), 0);
	assert_string_equal(TEXT + at, "</a >");
	assert_int_equal(end_tag_offset(span_str(TEXT), 1, &at), -EINVAL); /* <b/> */
	assert_int_equal(end_tag_offset(span_str(TEXT), 2, &at), 0);
	assert_string_equal(TEXT + at, "</c></a >");
	assert_int_equal(end_tag_offset(span_str(TEXT), 3, &at), 0);
	assert_string_equal(TEXT + at, "</d ></c></a >");
	assert_int_equal(end_tag_offset(span_str(TEXT), 4, &at), -EINVAL);
	assert_int_equal(end_tag_offset(span_str("<a><!--"), 0, &at), -EINVAL);
	assert_int_equal(end_tag_offset(span_str("<a b=\""), 0, &at), -EINVAL);
	assert_int_equal(end_tag_offset(span_str("<"), 0, &at), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method),
		cmocka_unit_test(level_and_octets),
		cmocka_unit_test(document_untouched),
		cmocka_unit_test(parallel_in_either_order),
		cmocka_unit_test(parallel_breaks_enveloped),
		cmocka_unit_test(counter_signature),
		cmocka_unit_test(detached_files),
		cmocka_unit_test(unusable_plans),
		cmocka_unit_test(wrong_value),
		cmocka_unit_test(end_tags),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
