/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules of signature policy as data: what each weighs, and what cannot be lowered. */
#include "tests/unit/xades/archive.h"

#include "common/durable.h"

#include <unistd.h>

#define RULES "policies/signature/rules.cfg"
#define POLICY_ID "urn:oid:1.2.3.4"

static struct house h;
static uint8_t *original;
static size_t original_len;

static int set_up(void **state)
{
	(void)state;
	house_open(&h);
	return file_read(RULES, 1 << 20, &original, &original_len);
}

static int tear_down(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(xades_rules_load(RULES, &error), 0);
	free(original);
	house_close(&h);
	return 0;
}

/* Load the rules with one piece of text in the place of another. */
static int load(const char *from, const char *to, char **ret_error)
{
	char path[] = "/tmp/sealgate-rules-XXXXXX";
	char *text = swap(strdup((const char *)original), from, to);
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, span_str(text)), 0);
	close(fd);
	r = xades_rules_load(path, ret_error);
	unlink(path);
	free(text);
	return r;
}

static void loads(const char *from, const char *to)
{
	char *error = NULL;

	if (load(from, to, &error) < 0)
		fail_msg("%s", error);
}

static void test_what_cannot_be_lowered(void **state)
{
	static const char *const FIXED[] = { "place", "format", "properties", "reference",
		"coverage" };
	static const char *const LEVELS[] = { "WARN", "INFORM", "IGNORE" };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (size_t l = 0; l < 3; l++) {
			char from[40], to[40], *error = NULL;

			snprintf(from, sizeof(from), "\t%s = \"FAIL\"", FIXED[i]);
			snprintf(to, sizeof(to), "\t%s = \"%s\"", FIXED[i], LEVELS[l]);
			assert_true(load(from, to, &error) < 0);
			assert_non_null(strstr(error, "too low for gate"));
			free(error);
			/* Left out is ignored, and that is too low as well. */
			snprintf(from, sizeof(from), "\t%s = \"FAIL\";", FIXED[i]);
			assert_true(load(from, "", &error) < 0);
			free(error);
		}
}

static void test_unknown_words(void **state)
{
	char *error = NULL;

	(void)state;
	assert_true(load("target = \"FAIL\"", "target = \"LOUD\"", &error) < 0);
	free(error);
	assert_true(load("target = \"FAIL\"", "tarhget = \"FAIL\"", &error) < 0);
	free(error);
	assert_true(load("eidas = {", "eidas = [", &error) < 0);
	free(error);
	assert_true(load("gate = {", "@include \"x\"\ngate = {", &error) < 0);
	free(error);
}

/* A wrong Target by each weight of its rule. */
static void test_weights(void **state)
{
	const struct {
		const char *level;
		bool passes;
		enum severity severity;
		size_t findings;
	} CASES[] = { { "FAIL", false, SEVERITY_ERROR, 1 },
		{ "WARN", true, SEVERITY_WARNING, 1 },
		{ "INFORM", true, SEVERITY_INFO, 1 },
		{ "IGNORE", true, SEVERITY_INFO, 0 } };
	char *text = swap(make(&h, (struct wish){ .place = XADES_ENVELOPED }),
		"Target=\"#s1\"", "Target=\"#s2\"");

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct xades_report *r;
		char to[40];

		snprintf(to, sizeof(to), "target = \"%s\"", CASES[i].level);
		loads("target = \"FAIL\"", to);
		r = validate(&h, text, XADES_GATE);
		assert_int_equal(r->indication == XADES_TOTAL_PASSED, CASES[i].passes);
		assert_int_equal(r->findings.count, CASES[i].findings);
		if (CASES[i].findings)
			assert_int_equal(r->findings.list[0].severity, CASES[i].severity);
		xades_report_free(r);
	}
	free(text);
}

static char *under_policy(void)
{
	static const uint8_t DIGEST[32] = { 1, 2, 3 };
	struct wish w = { .place = XADES_ENVELOPED };

	w.more.policy_id = POLICY_ID;
	w.more.policy_sha256 = DIGEST;
	return make(&h, w);
}

#define KNOWN(value)                                                                     \
	"policies = ( { id = \"" POLICY_ID "\"; digest = \"SHA256\"; value = \"" value   \
	"\"; } );"

/* EN 319 102-1 5.2.4: unknown, known, and known as another one. */
static void test_signature_policy(void **state)
{
	(void)state;
	loads("policies = ( );", "policies = ( );");
	expect(&h, under_policy(), XADES_EIDAS, XADES_TOTAL_PASSED, "");
	expect(&h, under_policy(), XADES_GATE, XADES_INDETERMINATE,
		"SIGNATURE_POLICY_NOT_AVAILABLE");
	loads("policies = ( );", KNOWN("AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	expect(&h, under_policy(), XADES_EIDAS, XADES_TOTAL_PASSED, "");
	expect(&h, under_policy(), XADES_GATE, XADES_TOTAL_PASSED, "");
	loads("policies = ( );", KNOWN("AQIEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	expect(&h, under_policy(), XADES_EIDAS, XADES_INDETERMINATE,
		"POLICY_PROCESSING_ERROR");
	expect(&h, under_policy(), XADES_GATE, XADES_INDETERMINATE,
		"POLICY_PROCESSING_ERROR");
	loads("policies = ( );", "policies = ( );");
}

/* EN 319 102-1 5.5.4: what is stamped later has more in it. */
static void test_order_of_time_stamps(void **state)
{
	(void)state;
	loads("policies = ( );", "policies = ( );");
	expect(&h, archived(&h, "2026-06-02T00:00:00Z"), XADES_GATE, XADES_TOTAL_PASSED,
		"");
	expect(&h, archived(&h, "2026-05-31T00:00:00Z"), XADES_EIDAS, XADES_TOTAL_PASSED,
		"");
	expect(&h, archived(&h, "2026-05-31T00:00:00Z"), XADES_GATE, XADES_INDETERMINATE,
		"TIMESTAMP_ORDER_FAILURE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_cannot_be_lowered),
		cmocka_unit_test(test_unknown_words),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_signature_policy),
		cmocka_unit_test(test_order_of_time_stamps),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
