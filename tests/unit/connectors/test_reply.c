/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/json.h"
#include "connectors/reply.h"
#include "profiles.h"
#include "xml/reader.h"

#define SOAP(header, body)                                                               \
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\""              \
	" xmlns:t=\"urn:test:t\" "                                                       \
	"xmlns:e=\"http://ec.europa.eu/sanco/tracesnt/error/v01\">"                      \
	"<s:Header>" header "</s:Header><s:Body>" body "</s:Body></s:Envelope>"

struct fixture {
	char *folder;
	struct profiles *profiles;
};

static int set_up(void **state)
{
	static struct fixture f;
	char *error = NULL;

	f.folder = make_policies();
	put_file(f.folder, "traces.cfg", SOAP_PROFILE);
	put_file(f.folder, "submit.xml", "<a/>");
	put_file(f.folder, "customs.cfg", PUSH_PROFILE);
	assert_int_equal(profiles_load(f.folder, &f.profiles, &error), 0);
	xml_setup();
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	profiles_free(f->profiles);
	remove_policies(f->folder);
	return 0;
}

static json_t *reply(void **state, const char *destination, const char *text)
{
	struct fixture *f = *state;
	json_t *value = NULL;

	assert_int_equal(reply_read(f->profiles, destination, span_str(text), &value), 0);
	assert_non_null(value);
	return value;
}

static void is(const json_t *value, const char *key, const char *text)
{
	const char *have = json_string_of(value, key);

	assert_non_null(have);
	assert_string_equal(have, text);
}

static void test_success(void **state)
{
	_cleanup_json_ json_t *r = reply(state, "traces",
		SOAP("<m:Message "
		     "xmlns:m=\"http://ec.europa.eu/sanco/tracesnt/message/v1\">"
		     "<m:WS_REQUEST_ID>42</m:WS_REQUEST_ID></m:Message>",
			"<t:R><t:Ref>T.1</t:Ref><t:Status>VALIDATED</t:Status></t:R>"));

	is(r, "kind", "ok");
	is(r, "id", "T.1");
	is(r, "status", "VALIDATED");
	is(r, "request_id", "42");
	assert_null(json_object_get(r, "found"));
}

static void test_found(void **state)
{
	_cleanup_json_ json_t *r = reply(state, "traces",
		SOAP("", "<t:R><t:Found>true</t:Found><t:Ref>T.1</t:Ref></t:R>"));

	assert_true(json_is_true(json_object_get(r, "found")));
}

/* "Not there" is something that the answer says, not what is left when it says nothing.
 */
static void test_absent_is_said(void **state)
{
	static const char *const SILENT[] = { "<t:R/>", "<t:R><t:Found/></t:R>",
		"<t:R><t:Found>yes</t:Found></t:R>",
		"<t:R><t:Found>true</t:Found><t:Found>false</t:Found></t:R>" };
	_cleanup_json_ json_t *absent =
		reply(state, "traces", SOAP("", "<t:R><t:Found>false</t:Found></t:R>"));

	is(absent, "kind", "ok");
	assert_true(json_is_false(json_object_get(absent, "found")));
	for (size_t i = 0; i < sizeof(SILENT) / sizeof(SILENT[0]); i++) {
		char text[1024];
		_cleanup_json_ json_t *r = NULL;

		snprintf(text, sizeof(text), SOAP("", "%s"), SILENT[i]);
		r = reply(state, "traces", text);
		assert_null(json_object_get(r, "found"));
	}
}

/* An answer so large that the expressions run into their limit. */
static void test_an_expression_that_fails(void **state)
{
	_cleanup_buf_ struct buf b;
	_cleanup_(freep) char *text = NULL;
	_cleanup_json_ json_t *r = NULL;

	buf_init(&b, 8 << 20);
	buf_add_str(&b,
		"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\""
		" xmlns:t=\"urn:test:t\"><s:Body><t:R>");
	for (int i = 0; i < 150000; i++)
		buf_add_str(&b, "<t:a/>");
	buf_add_str(&b, "<t:Found>false</t:Found></t:R></s:Body></s:Envelope>");
	text = strndup((const char *)buf_span(&b).data, buf_span(&b).len);
	r = reply(state, "traces", text);
	is(r, "kind", "unreadable");
	assert_null(json_object_get(r, "found"));
}

static void test_faults_are_told_apart(void **state)
{
	_cleanup_json_ json_t *auth = reply(state, "traces",
		SOAP("",
			"<s:Fault><faultcode>Client</faultcode>"
			"<faultstring>UnauthenticatedException</faultstring></s:Fault>"));
	_cleanup_json_ json_t *rule = reply(state, "traces",
		SOAP("", "<s:Fault><faultcode>Client</faultcode><faultstring>rules</"
			 "faultstring>"
			 "<detail><t:X><e:Error><e:ID>R1</e:ID><e:Message>no</"
			 "e:Message></e:Error>"
			 "</t:X></detail></s:Fault>"));
	_cleanup_json_ json_t *twice = reply(state, "traces",
		SOAP("", "<s:Fault><detail><t:X><e:Error><e:ID>DUPLICATE</e:ID></"
			 "e:Error></t:X>"
			 "</detail></s:Fault>"));

	is(auth, "kind", "fault");
	assert_true(json_is_false(json_object_get(auth, "permanent")));
	assert_true(json_is_true(json_object_get(rule, "permanent")));
	assert_true(json_is_false(json_object_get(rule, "already")));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(rule, "errors"), 0)),
		"R1: no");
	assert_true(json_is_true(json_object_get(twice, "already")));
}

static void test_what_cannot_be_read(void **state)
{
	static const char *const texts[] = { "", "garbage", "<a/>", "<a><b></a>",
		"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_json_ json_t *r = reply(state, "traces", texts[i]);

		is(r, "kind", "unreadable");
	}
}

static void test_push(void **state)
{
	_cleanup_json_ json_t *ok =
		reply(state, "customs", "{\"acknowledgement\": \"A-1\"}");
	_cleanup_json_ json_t *other =
		reply(state, "customs", "{\"acknowledgement\": 7}");
	_cleanup_json_ json_t *twice = reply(state, "customs",
		"{\"acknowledgement\": \"A\", \"acknowledgement\": \"B\"}");
	_cleanup_json_ json_t *problem = reply(
		state, "customs", "{\"title\": \"not here\", \"code\": \"unknown-key\"}");

	is(ok, "kind", "ok");
	is(ok, "id", "A-1");
	is(other, "kind", "fault");
	is(problem, "kind", "fault");
	is(problem, "fault_code", "unknown-key");
	is(problem, "fault_text", "not here");
	is(twice, "kind", "unreadable");
}

static void test_unknown_destination(void **state)
{
	struct fixture *f = *state;
	json_t *value = NULL;

	assert_true(reply_read(f->profiles, "nobody", span_str("<a/>"), &value) < 0);
	assert_null(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_absent_is_said),
		cmocka_unit_test(test_an_expression_that_fails),
		cmocka_unit_test(test_faults_are_told_apart),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_unknown_destination),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
