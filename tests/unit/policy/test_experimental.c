/* SPDX-License-Identifier: EUPL-1.2 */
/* What no public sample could be had for: refused in production unless the partner's file
 * names it, a warning where nothing that is taken is real. */
#include "policy/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admission.h"

static void replace_all(struct buf *b, const char *from, const char *to)
{
	while (strstr(b->data, from))
		replace(b, from, to);
}

/* The vector as one of version 16, complete. */
static struct buf of_version_16(void)
{
	struct buf b = vector();

	replace_all(&b, "SPSCertificate:17", "SPSCertificate:16");
	replace_all(&b, "Entity:21", "Entity:20");
	replace_all(&b, "DataType:21", "DataType:20");
	complete(&b);
	return b;
}

/* Otherwise what the warning or error says, and where. */
static void says(const struct result *r, const char *code, const char *severity,
	const char *where, const char *received, const char *message)
{
	const json_t *finding;
	size_t i, n = 0;

	json_array_foreach(json_object_get(r->report, "findings"), i, finding)
	{
		if (strcmp(json_string_of(finding, "code"), code) != 0)
			continue;
		n++;
		assert_string_equal(json_string_of(finding, "severity"), severity);
		assert_string_equal(json_string_of(finding, "where"), where);
		assert_string_equal(json_string_of(finding, "received"), received);
		assert_non_null(strstr(json_string_of(finding, "message"), message));
		assert_true(json_integer_value(json_object_get(finding, "line")) > 0);
		assert_true(*json_string_of(finding, "fix") != '\0');
	}
	if (n != 1)
		show(r);
	assert_int_equal(n, 1);
}

static struct result judge_16(struct wish w)
{
	_cleanup_buf_ struct buf b = of_version_16();

	return judge(&b, w);
}

#define VERSION "doc.version-experimental"
#define TYPE "doc.experimental"

static void test_version_in_production(void **state)
{
	struct result r = judge_16(USUAL);

	(void)state;
	says(&r, VERSION, "error", "/rsm:SPSCertificate", "16",
		"does not let nz send it");
	refused(r, VERSION, true);
}

static void test_version_allowed_by_name(void **state)
{
	struct result r = judge_16((struct wish){
		.more = "experimental = { versions = ( \"15\", \"16\" ); };" });

	(void)state;
	assert_int_equal(json_array_size(json_object_get(r.report, "findings")), 0);
	decided(r, DECISION_ACCEPTED);
	refused(judge_16((struct wish){ .more = "experimental = { versions = ( \"15\" ); "
						"types = ( \"16\" ); };" }),
		VERSION, true);
}

static void test_version_where_nothing_is_real(void **state)
{
	struct result r;

	(void)state;
	house.test = true;
	r = judge_16(USUAL);
	house.test = false;
	says(&r, VERSION, "warning", "/rsm:SPSCertificate", "16", "in production");
	decided(r, DECISION_ACCEPTED);
	house.sandbox = house.material;
	r = judge_16((struct wish){ .more = "sandbox = true;" });
	house.sandbox = NULL;
	says(&r, VERSION, "warning", "/rsm:SPSCertificate", "16", "in production");
	decided(r, DECISION_ACCEPTED);
}

/* Beside all else that is wrong: the vector is no certificate for animals. */
static struct result judge_import(struct wish w)
{
	_cleanup_buf_ struct buf b = vector();

	replace(&b, ">851<", ">853<");
	complete(&b);
	w.types = "IMPORT";
	return judge(&b, w);
}

static void test_type(void **state)
{
	static const char WHERE[] = "/rsm:SPSCertificate/rsm:SPSExchangedDocument"
				    "/ram:TypeCode";
	struct result r = judge_import(USUAL);

	(void)state;
	says(&r, TYPE, "error", WHERE, "IMPORT", "does not let nz send");
	refused(r, TYPE, false);
	r = judge_import(
		(struct wish){ .more = "experimental = { types = ( \"IMPORT\" ); };" });
	assert_int_equal(errors_of(&r, TYPE), 0);
	decided(r, DECISION_REFUSED);
	house.test = true;
	r = judge_import(USUAL);
	house.test = false;
	says(&r, TYPE, "warning", WHERE, "IMPORT", "in production");
	assert_int_equal(errors_of(&r, TYPE), 0);
	decided(r, DECISION_REFUSED);
}

/* A version of a document of no type is told, and so is a stranger. */
static void test_all_the_same(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	replace_all(&b, "SPSCertificate:17", "SPSCertificate:16");
	replace_all(&b, "Entity:21", "Entity:20");
	replace_all(&b, "DataType:21", "DataType:20");
	replace(&b, ">851<", ">999<");
	complete(&b);
	r = judge_with(&b, USUAL, "stranger", house.material);
	says(&r, VERSION, "error", "/rsm:SPSCertificate", "16",
		"does not let an unknown partner send it");
	refused(r, "doc.type-unknown", false);
}

static void test_what_is_proven_is_not_told(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	complete(&b);
	r = judge(&b, USUAL);
	assert_int_equal(json_array_size(json_object_get(r.report, "findings")), 0);
	decided(r, DECISION_ACCEPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_in_production),
		cmocka_unit_test(test_version_allowed_by_name),
		cmocka_unit_test(test_version_where_nothing_is_real),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_all_the_same),
		cmocka_unit_test(test_what_is_proven_is_not_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
