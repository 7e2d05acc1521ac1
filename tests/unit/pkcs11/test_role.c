/* SPDX-License-Identifier: EUPL-1.2 */
#include "fixture.h"

#define GOOD "a: { label = \"l\"; mechanism = \"rsa-sha256\"; peer = \"seal\"; };\n"

static int read_text(const char *text, struct roles *roles, char **error)
{
	char path[] = "/tmp/sealgate-roles-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
	r = roles_read(path, roles, error);
	unlink(path);
	return r;
}

static void good_file(void **state)
{
	_cleanup_(freep) char *error = NULL;
	struct roles roles;

	(void)state;
	assert_int_equal(
		read_text("seal: { label = \"Seal 1\"; mechanism = \"rsa-pss-sha384\";"
			  "key = \"RSA-4096\"; peer = \"seal\"; max_per_minute = 10;"
			  "total = 5000000000L; not_before = \"2026-01-01T00:00:00Z\";"
			  "not_after = \"2027-01-01T00:00:00Z\"; };\n"
			  "receipt: { label = \"r\"; mechanism = \"ecdsa-sha384\";"
			  "peer = \"intake\"; verified_by_peer = true; };\n",
			&roles, &error),
		0);
	assert_int_equal(roles.count, 2);
	assert_int_equal(roles_find(&roles, "receipt"), 1);
	assert_int_equal(roles_find(&roles, "rec"), -1);
	assert_string_equal(roles.list[0].label, "Seal 1");
	assert_string_equal(roles.list[0].key->name, "RSA-4096");
	assert_int_equal(roles.list[0].mechanism->digest_len, 48);
	assert_int_equal(roles.list[0].max_per_minute, 10);
	assert_true(roles.list[0].total == 5000000000u);
	assert_true(roles.list[0].not_before == 1767225600);
	assert_string_equal(roles.list[1].key->name, "P-384");
	assert_int_equal(roles.list[1].total, 0);
	assert_false(roles.list[0].verified_by_peer);
	assert_true(roles.list[1].verified_by_peer);
}

/* Each must be refused and its message must hold the words. */
static void bad_files(void **state)
{
	static const struct {
		const char *text, *words;
	} CASES[] = {
		{ "", "no role" },
		{ "a = 1;", "not a role" },
		{ "A: { };", "not a role" },
		{ "a_b: { };", "not a role" },
		{ "abcdefghijklmnopqrstuvwxyz: { };", "not a role" },
		{ "a: { };", "needs label" },
		{ "a: { label = \"l\"; mechanism = \"rsa-sha256\"; };", "needs label" },
		{ "a: { label = \"\"; };", "label" },
		{ "a: { label = 7; };", "label" },
		{ "a: { mechanism = \"rsa-sha1\"; };", "mechanism" },
		{ "a: { peer = \"verify\"; };", "peer" },
		{ "a: { peer = \"nobody\"; };", "peer" },
		{ "a: { peer = \"forward\"; };", "peer" }, /* it has call-backs alone */
		{ "callback: { label = \"l\"; mechanism = \"rsa-sha256\"; peer = "
		  "\"seal\"; };",
			"no role of its own" },
		{ "a: { max_per_minute = 0; };", "above zero" },
		{ "a: { max_per_minute = -1; };", "above zero" },
		{ "a: { total = \"7\"; };", "above zero" },
		{ "a: { not_after = \"tomorrow\"; };", "RFC 3339" },
		{ "a: { colour = \"red\"; };", "known setting" },
		{ "a: { verified_by_peer = \"yes\"; };", "true or false" },
		{ "a: { label = \"l\"; mechanism = \"rsa-sha256\"; peer = \"seal\";"
		  "verified_by_peer = true; };",
			"does not verify" },
		{ "a: { label = \"l\"; mechanism = \"rsa-sha256\"; key = \"P-256\";"
		  "peer = \"seal\"; };",
			"cannot use" },
		{ "a: { label = \"l\"; mechanism = \"ecdsa-sha256\"; key = \"RSA-3072\";"
		  "peer = \"seal\"; };",
			"cannot use" },
		{ "a: { key = \"RSA-1024\"; };", "kind of key" },
		{ "a: { label = \"l\"; mechanism = \"rsa-sha256\"; peer = \"seal\";"
		  "not_before = \"2027-01-01T00:00:00Z\"; not_after = "
		  "\"2026-01-01T00:00:00Z\";"
		  "};",
			"ends before" },
		{ GOOD "b: { label = \"l\"; mechanism = \"rsa-sha256\"; peer = \"seal\"; "
		       "};",
			"another role" },
		{ GOOD GOOD, ":" },
		{ "@include \"/etc/passwd\"\n" GOOD, "@include" },
		{ "a: {", ":" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		_cleanup_(freep) char *error = NULL;
		struct roles roles;

		if (read_text(CASES[i].text, &roles, &error) != -EINVAL)
			fail_msg("accepted: %s", CASES[i].text);
		assert_non_null(error);
		if (!strstr(error, CASES[i].words))
			fail_msg("%s: %s", CASES[i].text, error);
	}
}

static void too_many(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_(freep) char *error = NULL;
	struct roles roles;

	(void)state;
	buf_init(&b, 65536);
	for (int i = 0; i <= ROLES_MAX; i++)
		buf_addf(&b,
			"r%d: { label = \"%d\"; mechanism = \"rsa-sha256\"; peer = "
			"\"seal\"; };",
			i, i);
	assert_int_equal(read_text(b.data, &roles, &error), -EINVAL);
	assert_non_null(strstr(error, "too many"));
}

static void no_file(void **state)
{
	_cleanup_(freep) char *error = NULL;
	struct roles roles;

	(void)state;
	assert_int_equal(roles_read("/nonexistent/roles.cfg", &roles, &error), -ENOENT);
	assert_non_null(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(too_many),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
