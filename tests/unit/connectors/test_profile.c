/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connectors/profile.h"
#include "profiles.h"

#include <errno.h>

static void refused(const char *text, const char *why)
{
	char *folder = make_policies(), *error = NULL;
	struct profiles *p = NULL;

	put_file(folder, "x.cfg", text);
	put_file(folder, "submit.xml", "<a/>");
	assert_true(profiles_load(folder, &p, &error) < 0);
	assert_null(p);
	assert_non_null(error);
	assert_non_null(strstr(error, why));
	free(error);
	remove_policies(folder);
}

static void test_loads(void **state)
{
	char *folder = make_policies(), *error = NULL;
	struct profiles *p = NULL;

	(void)state;
	put_file(folder, "traces.cfg", SOAP_PROFILE);
	put_file(folder, "submit.xml", "<a>${reference}</a>");
	put_file(folder, "customs.cfg", PUSH_PROFILE);
	assert_int_equal(profiles_load(folder, &p, &error), 0);
	assert_int_equal(p->count, 2);
	assert_int_equal(profile_find(p, "traces")->protocol, PROFILE_SOAP);
	assert_string_equal(
		profile_find(p, "traces")->submit.template, "<a>${reference}</a>");
	assert_int_equal(profile_find(p, "customs")->concurrency, 2);
	assert_null(profile_find(p, "nobody"));
	profiles_free(p);
	remove_policies(folder);
}

static void test_no_folder_is_no_destination(void **state)
{
	struct profiles *p = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(profiles_load("/nonexistent", &p, &error), 0);
	assert_int_equal(p->count, 0);
	profiles_free(p);
}

static void test_refuses(void **state)
{
	(void)state;
	refused("protocol = \"carrier-pigeon\"; url = \"x\";",
		"protocol is soap, push or pull");
	refused("protocol = \"push\"; url = \"x\"; information = \"advance\";",
		"id_member");
	refused("protocol = \"push\"; information = \"a\"; submit = { id_member = \"a\"; "
		"};",
		"url is missing");
	refused("protocol = \"soap\"; url = \"x\"; colour = \"blue\";", "unknown key");
	refused("protocol = \"soap\"; url = \"x\"; permanent = \"((\";", "not XPath");
	refused("protocol = \"soap\"; url = \"x\"; permanent = \"//t:Fault\";",
		"x.cfg:1: has a prefix that is not in namespaces");
	refused("protocol = \"soap\"; url = \"x\"; namespaces = ( { prefix = \"t\"; uri "
		"= "
		"\"u\"; } ); permanent = \"//t:A[. = 'u:B'] and //child::u:C\";",
		"has a prefix");
	refused("protocol = \"soap\"; url = \"x\"; namespaces = ( { prefix = \"t\"; uri "
		"= "
		"\"u\"; } ); permanent = \"//child::t:A[. = \\\"u:B\\\" or @xml:id = "
		"'']\";",
		"soap needs");
	refused("protocol = \"soap\"; url = \"x\"; permanent = true;", "must be a text");
	refused("protocol = \"push\"; url = \"x\"; credentials = 7;", "must be a text");
	refused("protocol = \"push\"; url = \"x\"; submit = { id_member = 7; };",
		"must be a text");
	refused("protocol = \"soap\"; url = \"x\"; submit = { template = 7; };",
		"must be a text");
	refused("protocol = \"soap\"; url = \"x\"; concurrency = \"8\";", "out of range");
	refused("protocol = \"soap\"; url = \"x\"; expire_s = 1.5e6;", "out of range");
	refused("protocol = \"soap\"; url = \"x\"; namespaces = \"t\";", "is a list");
	refused("protocol = \"push\"; url = \"x\"; cleared = 1;", "true or false");
	refused("protocol = \"soap\"; url = \"x\"; timeout_s = 0;", "out of range");
	refused("protocol = \"soap\"; url = \"x\"; submit = { template = \"../../x\"; };",
		"template cannot be read");
	refused("protocol = \"push\"; url = \"x\"; retry_max_s = 5;\nretry_first_s = 6;",
		"x.cfg:2: retry_first_s is longer than retry_max_s");
	refused("protocol = \"push\"; url = \"x\"; retry_max_s = 1;", "is longer than");
	refused("protocol = \"push\"; information = \"advance\"; submit = { id_member = "
		"\"id\"; };\nurl = \"http://127.0.0.1/\";",
		"x.cfg:2: url has to begin with https://");
	refused("protocol = \"push\"; information = \"advance\"; submit = { id_member = "
		"\"id\"; }; url = \"127.0.0.1\";",
		"x.cfg:1: url has to begin with https://");
	refused("protocol = \"pull\"; url = \"x\";", "nobody is called");
	refused("protocol = \"soap\"; url = \"x\"; cleared = true;", "told by push");
	refused("protocol = \"soap\"; url = \"x\"; look_up = true;", "of a push profile");
	refused("protocol = \"push\"; url = \"x\"; look_up = 1;", "true or false");
	refused("protocol = \"soap\"; url = \"x\"; seal_inside = \"above\";",
		"parallel or counter");
	refused("protocol = \"soap\"; url = \"x\"; seal_inside = true;",
		"parallel or counter");
	refused("protocol = \"pull\"; seal_inside = \"counter\";", "is the container");
	refused("protocol = \"soap\"; url = \"x\"; decision = { first_s = 1; };",
		"decision needs");
	refused("@include \"other\"", "@include");
	refused("protocol = ", "x.cfg");
	refused("protocol = \"soap\"; url = \"x\"; permanent = \"true()\";",
		"soap needs");
}

static void test_refuses_a_placeholder_that_there_is_not(void **state)
{
	char *folder = make_policies(), *error = NULL;
	struct profiles *p = NULL;

	(void)state;
	put_file(folder, "traces.cfg", SOAP_PROFILE);
	put_file(folder, "submit.xml", "<a>${password}</a>");
	assert_int_equal(profiles_load(folder, &p, &error), -EINVAL);
	assert_null(p);
	assert_non_null(strstr(error, "traces.cfg:5: the template has a placeholder"));
	free(error);
	remove_policies(folder);
}

/* Push destinations, the first of them with this concurrency, and what loading says. */
static int load_many(int count, int concurrency, int others, char **ret_error)
{
	char *folder = make_policies(), name[32], text[400];
	struct profiles *p = NULL;
	int r;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "d%02d.cfg", i);
		snprintf(text, sizeof(text), "%sconcurrency = %d;\n%s", PUSH_PROFILE,
			i ? others : concurrency, i ? "" : "cleared = true;\n");
		put_file(folder, name, text);
	}
	r = profiles_load(folder, &p, ret_error);
	profiles_free(p);
	remove_policies(folder);
	return r;
}

/* Who would have no courier would have no documents: 256 are all that there are. */
static void test_a_courier_for_each(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(load_many(4, 63, 64, &error), 0);
	assert_int_equal(load_many(64, 3, 3, &error), 0);
	assert_int_equal(load_many(4, 64, 64, &error), -EINVAL);
	assert_non_null(strstr(error,
		"d00.cfg:1: all destinations together need 257 couriers (concurrency, "
		"and one for a decision or for cleared), and there are 256: lower "
		"concurrency, which is highest here, 64"));
	free(error);
	assert_int_equal(load_many(65, 1, 1, &error), -EINVAL);
	assert_non_null(strstr(error, "there are 65 destinations, and 64 are possible"));
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_no_folder_is_no_destination),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_refuses_a_placeholder_that_there_is_not),
		cmocka_unit_test(test_a_courier_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
