/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/memfd.h"
#include "web/remote.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The words of the row that a JSON array is, or NULL. */
static const char *found(const char *arguments)
{
	_cleanup_json_ json_t *list = json_loads(arguments, 0, NULL);
	const struct remote_command *row;
	const char *fault;

	row = remote_find(list, &fault);
	assert_true(!row == !!fault);
	return row ? row->words : NULL;
}

static void test_commands(void **state)
{
	(void)state;
	assert_string_equal(found("[\"status\"]"), "status");
	assert_string_equal(found("[\"queue\"]"), "queue");
	assert_string_equal(
		found("[\"queue\",\"list\",\"--limit\",\"3\"]"), "queue list");
	assert_string_equal(found("[\"queue\",\"list\",\"--limit=3\"]"), "queue list");
	assert_string_equal(found("[\"ledger\",\"--check\"]"), "ledger");
	assert_string_equal(found("[\"explain\",\"NZ/1\"]"), "explain");
	assert_string_equal(found("[\"hsm\",\"activate\",\"ana\"]"), "hsm activate");
	assert_string_equal(found("[\"appliance\",\"update\",\"sha256:" DIGEST "\"]"),
		"appliance update");
	assert_string_equal(found("[\"appliance\",\"apply\",\"sha256:" DIGEST "\"]"),
		"appliance apply");
	assert_string_equal(found("[\"hsm\",\"keys\"]"), "hsm keys");
	assert_string_equal(found("[\"hsm\",\"import\",\"seal\",\"sha256:" DIGEST "\"]"),
		"hsm import");
	assert_string_equal(
		found("[\"hsm\",\"custody\",\"sha256:" DIGEST "\"]"), "hsm custody");
	assert_null(found("[\"hsm\",\"import\",\"sha256:" DIGEST "\",\"seal.pem\"]"));
	assert_null(found("[\"hsm\",\"import\",\"sha256:" DIGEST "\"]"));
	assert_null(found("[\"hsm\",\"custody\",\"ana\"]"));
	assert_null(found("[\"hsm\",\"init\"]"));
	assert_string_equal(
		found("[\"hsm\",\"ceremony\",\"p\",\"keys\"]"), "hsm ceremony * keys");
	assert_string_equal(
		found("[\"hsm\",\"ceremony\",\"keys\",\"begin\",\"a b\",\"c\"]"),
		"hsm ceremony * begin");
	assert_string_equal(
		found("[\"policy\",\"stop\",\"--reason\",\"r\",\"nz\"]"), "policy stop");
}

/* Why a command is not run. */
static const char *fault_of(const char *arguments)
{
	_cleanup_json_ json_t *list = json_loads(arguments, 0, NULL);
	const char *fault;

	assert_null(remote_find(list, &fault));
	return fault;
}

static void test_names_are_no_paths(void **state)
{
	static const char *const REFUSED[] = { "/p", ".p", "a/../b", "-p", "", "a\\nb" };

	(void)state;
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "[\"hsm\",\"ceremony\",\"%s\",\"keys\"]",
			REFUSED[i]);
		(void)fault_of(text);
	}
	assert_null(found("[\"hsm\",\"ceremony\",\"p\"]"));
	assert_null(found("[\"hsm\",\"ceremony\",\"p\",\"begin\",\"one\"]"));
	assert_null(found("[\"hsm\",\"ceremony\",\"p\",\"keys\",\"seal\"]"));
}

static void test_why_not(void **state)
{
	(void)state;
	assert_non_null(
		strstr(fault_of("[\"restore\",\"a\",\"b\"]"), "before it serves"));
	assert_non_null(strstr(
		fault_of("[\"trust\",\"publish\",\"a\",\"b\"]"), "revoked certificates"));
	assert_non_null(
		strstr(fault_of("[\"trust\",\"path\",\"a\"]"), "files of this machine"));
	assert_non_null(strstr(
		fault_of("[\"hsm\",\"ceremony\",\"p\",\"verify\",\"c.pem\"]"), "verify"));
	assert_non_null(strstr(fault_of("[\"hsm\",\"custody\",\"-k\",\"2\",\"a\",\"b\"]"),
		"where its holders are"));
	assert_non_null(strstr(fault_of("[\"queue\",\"list\",\"x\"]"), "too many"));
	assert_non_null(strstr(fault_of("[\"replay\",\"ordered\"]"), "its unit calls"));
	assert_string_equal(found("[\"trust\",\"diff\",\"a\",\"b\"]"), "trust diff");
}

static const struct remote_command *row_of(const char *arguments)
{
	_cleanup_json_ json_t *list = json_loads(arguments, 0, NULL);
	const char *fault;

	return remote_find(list, &fault);
}

/* What is tried is called by its digest; it is recorded, and changes nothing that would
 * take two people. */
static void test_what_is_tried(void **state)
{
	static const char *const TRIED[] = { "[\"policy\",\"replay\",\"--since\",\"t\","
					     "\"sha256:" DIGEST "\"]",
		"[\"trust\",\"diff\",\"--replay\",\"--since=t\",\"a\",\"b\"]",
		"[\"replay\",\"stop\"]" };
	static const char *const REFUSED[] = {
		"[\"policy\",\"replay\",\"--since\",\"t\",\"bundle\"]",
		"[\"policy\",\"replay\",\"--since\",\"t\",\"/b\"]",
		"[\"policy\",\"replay\",\"--since\",\"t\"]",
		"[\"policy\",\"replay\",\"sha256:" DIGEST "\",\"sha256:" DIGEST "\"]",
		"[\"trust\",\"diff\",\"--replay\",\"--store\",\"s\",\"a\",\"b\"]",
		"[\"trust\",\"qualify\",\"seal.pem\"]",
		"[\"trust\",\"qualify\",\"--store=s\",\"sha256:" DIGEST "\"]"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(TRIED) / sizeof(TRIED[0]); i++) {
		const struct remote_command *row = row_of(TRIED[i]);

		assert_non_null(row);
		assert_true(remote_recorded(row));
		assert_false(remote_changes(row));
		assert_string_equal(row->verb, "policy");
	}
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
		if (row_of(REFUSED[i]))
			fail_msg("%s was taken", REFUSED[i]);
	assert_true(remote_takes(
		row_of("[\"trust\",\"qualify\",\"--at=t\",\"sha256:" DIGEST "\"]")));
	assert_false(remote_recorded(row_of("[\"replay\",\"status\"]")));
	assert_true(remote_recorded(row_of("[\"replay\",\"account\"]")));
	assert_false(remote_changes(row_of("[\"replay\",\"account\"]")));
	assert_true(remote_recorded(row_of("[\"policy\",\"rollback\"]")));
}

/* What is on record is one command, however its words are parted. */
static void test_text(void **state)
{
	static const char *const TEXTS[][2] = {
		{ "[\"queue\",\"list\",\"--limit=3\"]", "queue list --limit=3" },
		{ "[\"a\",\"b c\",\"d\"]", "a \"b c\" d" },
		{ "[\"a\",\"b\",\"c d\"]", "a b \"c d\"" },
		{ "[\"a\",\"b\\\" \\\"c\"]", "a \"b\\\" \\\"c\"" },
		{ "[\"a\\\\\"]", "\"a\\\\\"" },
		{ "[\"\",\"a\"]", "\"\" a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		_cleanup_json_ json_t *request =
			json_pack("{s:o}", "arguments", json_loads(TEXTS[i][0], 0, NULL));
		_cleanup_buf_ struct buf text;

		remote_text(request, "", &text);
		assert_string_equal(text.data, TEXTS[i][1]);
	}
}

struct form {
	const char *name, *text;
};

static const struct form FORMS[] = {
#define COMMAND(name, forms, summary, detail) { #name, forms },
#include "ctl/commands.def"
#undef COMMAND
};

/* Is it run at the gate, or said why not? Any words behind it are tried. */
static bool is_told(const char *name, const char *verb, size_t len)
{
	static const char *const ROWS[] = {
#define REMOTE(words, verb, traits, options, least, most) words,
#include "web/remote.def"
#undef REMOTE
	};
	char text[300], words[200];
	const char *fault;

	snprintf(words, sizeof(words), "%s %.*s ", name, (int)len, verb);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
		if (strncmp(ROWS[i], words, strlen(words)) == 0)
			return true;
	snprintf(text, sizeof(text), "[\"%s\"%s%.*s%s]", name, len ? ",\"" : "", (int)len,
		verb, len ? "\"" : "");
	{
		_cleanup_json_ json_t *list = json_loads(text, 0, NULL);
		const struct remote_command *row = remote_find(list, &fault);

		return row || !strstr(fault, "cannot be run from afar");
	}
}

/* A form a line: its verbs are its first word, in small letters. */
static void look_at_form(const char *name, const char *form, size_t len)
{
	size_t word = strcspn(form, " ]\n");

	if (memmem(form, len, "--url ", 6))
		return;
	if (*form == '[' && form[1] != '-') {
		form++;
		word = strcspn(form, " ]\n");
	}
	if (!islower((unsigned char)*form))
		word = 0;
	do {
		size_t n = strcspn(form, "|");

		n = n < word ? n : word;
		if (!is_told(name, word ? form : "", n))
			fail_msg("%s %.*s", name, (int)n, form);
		form += n + (n < word);
		word -= n + (n < word);
	} while (word);
}

/* Everything that is done here is done from afar, or it is said why it is not. */
static void test_every_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
		const char *form = FORMS[i].text;

		while (form) {
			const char *end = strchr(form, '\n');

			look_at_form(FORMS[i].name, form,
				end ? (size_t)(end - form) : strlen(form));
			form = end ? strstr(end, FORMS[i].name) : NULL;
			form = form ? form + strlen(FORMS[i].name) + 1 : NULL;
		}
	}
}

/* The fault of what a request gives along, or NULL. */
static const char *given(const char *request)
{
	_cleanup_json_ json_t *read = json_loads(request, 0, NULL);
	const struct remote_command *row;
	const char *fault;

	row = remote_find(json_object_get(read, "arguments"), &fault);
	assert_non_null(row);
	return remote_given(row, read);
}

/* Consent is about the octets: the command names them. */
static void test_given(void **state)
{
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define IMPORT "\"arguments\":[\"hsm\",\"import\",\"seal\",\"sha256:"
	(void)state;
	assert_null(given("{" IMPORT ABC "\"],\"octets\":\"YWJj\"}"));
	assert_non_null(given("{" IMPORT ABC "\"],\"octets\":\"YWJk\"}"));
	assert_non_null(given("{" IMPORT DIGEST "\"],\"octets\":\"YWJj\"}"));
	assert_non_null(given("{" IMPORT ABC "\"],\"input\":\"abc\"}"));
	assert_non_null(given("{" IMPORT ABC "\"],\"octets\":\"YWJj\",\"input\":\"x\"}"));
	assert_non_null(given("{" IMPORT ABC "\"],\"octets\":\"!\"}"));
	assert_non_null(given("{" IMPORT ABC "\"],\"octets\":\"\"}"));
	assert_non_null(given("{" IMPORT ABC "\"]}"));
	assert_null(given("{\"arguments\":[\"hsm\",\"keys\"]}"));
}

static int list_of(const char *request, char ret_sha256[SHA256_TEXT_SIZE])
{
	_cleanup_json_ json_t *read = json_loads(request, 0, NULL);
	const struct remote_command *row;
	const char *fault;

	row = remote_find(json_object_get(read, "arguments"), &fault);
	assert_non_null(row);
	return remote_list(row, read, -1, ret_sha256);
}

/* The digest is that of what the command is given to read. */
static void test_list(void **state)
{
	char sha256[SHA256_TEXT_SIZE], expected[SHA256_TEXT_SIZE];

	(void)state;
	assert_int_equal(digest_sha256_text(span_str("junk"), expected), 0);
	assert_int_equal(list_of("{\"arguments\":[\"appliance\",\"parcel\",\"manifest\","
				 "\"0\"],\"octets\":\"anVu\\nas=\"}",
				 sha256),
		-EINVAL);
	assert_int_equal(list_of("{\"arguments\":[\"appliance\",\"parcel\",\"manifest\","
				 "\"0\"],\"octets\":\"anVu\\naw==\"}",
				 sha256),
		1);
	assert_string_equal(sha256, expected);
	assert_int_equal(list_of("{\"arguments\":[\"appliance\",\"parcel\",\"manifest\","
				 "\"0\"],\"input\":\"junk\"}",
				 sha256),
		-EINVAL);
	assert_int_equal(
		list_of("{\"arguments\":[\"appliance\",\"parcel\",\"one.txt\",\"0\"],"
			"\"octets\":\"anVuaw==\"}",
			sha256),
		0);
	assert_int_equal(list_of("{\"arguments\":[\"status\"]}", sha256), 0);
}

static void test_what_is_not_run(void **state)
{
	static const char *const REFUSED[] = { "null", "{}", "[]", "[1]", "[\"init\"]",
		"[\"queue\",\"hold\"]", "[\"up\"]", "[\"audit\"]", "[\"\"]",
		"[\"status\",\"more\"]", "[\"explain\"]", "[\"explain\",\"\"]",
		"[\"explain\",\"/etc/passwd\"]", "[\"explain\",\"a/../b\"]",
		"[\"explain\",\"../b\"]", "[\"explain\",\"a\\nb\"]",
		"[\"explain\",\"a\\u0000b\"]", "[\"ledger\",\"--check=1\"]",
		"[\"ledger\",\"--chec\"]", "[\"queue\",\"list\",\"--limit\"]",
		"[\"queue\",\"list\",\"--limit=\"]",
		"[\"queue\",\"list\",\"--state\",\"/x\"]",
		"[\"queue\",\"list\",\"--key=x\"]", "[\"audit\",\"verify\",\"F\"]",
		"[\"audit\",\"verify\",\"--heads=x\"]", "[\"status\",\"--\",\"x\"]",
		"[\"--instance\",\"x\",\"status\"]",
		"[\"appliance\",\"apply\",\"var/lib/sealgate/state/parcel\"]",
		"[\"appliance\",\"update\",\"update\"]",
		"[\"appliance\",\"update\",\"sha256:\"]",
		"[\"appliance\",\"update\",\"sha256:" DIGEST "0\"]",
		"[\"appliance\",\"update\",\"sha256:x" DIGEST "\"]",
		"[\"appliance\",\"apply\",\"" DIGEST "\"]" };

	(void)state;
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++)
		if (found(REFUSED[i]))
			fail_msg("%s was taken", REFUSED[i]);
}

static json_t *run(const char *program, const char *request, int expected)
{
	_cleanup_json_ json_t *q = json_loads(request, 0, NULL);
	json_t *answer = NULL;

	assert_int_equal(remote_run(program, "DIR", q, -1, &answer), expected);
	return answer;
}

static void test_run(void **state)
{
	_cleanup_json_ json_t *echo =
		run("/bin/echo", "{\"arguments\":[\"a b\",\"$c\"]}", 0);
	_cleanup_json_ json_t *no = run("/bin/false", "{\"arguments\":[]}", 0);
	json_t *missing = run("/nonexistent", "{\"arguments\":[]}", -ECHILD);

	(void)state;
	assert_string_equal(json_string_of(echo, "output"), "--instance DIR a b $c\n");
	assert_int_equal(json_integer_value(json_object_get(echo, "status")), 0);
	assert_int_equal(json_integer_value(json_object_get(no, "status")), 1);
	assert_null(missing);
}

/* A script that stands for the program. */
static void script(char path[], const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
}

/* Who has it run is known to the program, and nobody else is. */
static void test_person(void **state)
{
	char program[] = "/tmp/sealgate-remote-XXXXXX";

	(void)state;
	script(program, "#!/bin/sh\necho \"${SEALGATE_PERSON-nobody}"
			"${SEALGATE_FIRST+ after $SEALGATE_FIRST}\"\n");
	assert_int_equal(setenv("SEALGATE_FIRST", "somebody", 1), 0);
	assert_int_equal(setenv("SEALGATE_PERSON", "the one before", 1), 0);
	{
		_cleanup_json_ json_t *one =
			run(program, "{\"arguments\":[],\"by\":\"A. Person\"}", 0);
		_cleanup_json_ json_t *none = run(program, "{\"arguments\":[]}", 0);
		_cleanup_json_ json_t *two = run(
			program, "{\"arguments\":[],\"by\":\"A\",\"after\":\"B\"}", 0);

		assert_string_equal(json_string_of(two, "output"), "A after B\n");
		assert_string_equal(json_string_of(one, "output"), "A. Person\n");
		assert_string_equal(json_string_of(none, "output"), "nobody\n");
	}
	assert_int_equal(unsetenv("SEALGATE_PERSON"), 0);
	assert_int_equal(unsetenv("SEALGATE_FIRST"), 0);
	unlink(program);
}

/* What it is given to read reaches it; what is no text comes back as octets. */
static void test_streams(void **state)
{
	char path[] = "/tmp/remote-XXXXXX";
	_cleanup_json_ json_t *answer = NULL;

	(void)state;
	script(path, "#!/bin/sh\ncat\nprintf '\\377'\necho wrong >&2\nexit 3\n");
	answer = run(path, "{\"arguments\":[],\"input\":\"ab\"}", 0);
	unlink(path);
	assert_null(json_object_get(answer, "output"));
	assert_string_equal(json_string_of(answer, "octets"), "YWL/");
	assert_string_equal(json_string_of(answer, "errors"), "wrong\n");
	assert_int_equal(json_integer_value(json_object_get(answer, "status")), 3);
}

#define LIST "{\"arguments\":[\"policy\",\"piece\",\"manifest\",\"0\"]"

/* A piece as it is: of what is brought and of nothing else, once, and such that nobody
 * changes it any more. */
static void test_piece(void **state)
{
	char sha256[SHA256_TEXT_SIZE], expected[SHA256_TEXT_SIZE];
	char path[] = "/tmp/remote-XXXXXX";
	_cleanup_json_ json_t *list = json_loads(LIST "}", 0, NULL), *answer = NULL;
	_cleanup_json_ json_t *twice = json_loads(LIST ",\"octets\":\"\"}", 0, NULL);
	_cleanup_(closep) int piece = memfd_from("piece", span_str("junk"));
	_cleanup_(closep) int open_one = memfd_create("piece", MFD_CLOEXEC);
	const struct remote_command *row =
		row_of("[\"policy\",\"piece\",\"manifest\",\"0\"]");

	(void)state;
	assert_null(remote_piece(row, list, piece));
	assert_non_null(remote_piece(row, twice, piece));
	assert_non_null(remote_piece(row, list, open_one));
	assert_non_null(remote_piece(row_of("[\"status\"]"), list, piece));
	assert_int_equal(digest_sha256_text(span_str("junk"), expected), 0);
	assert_int_equal(remote_list(row, list, piece, sha256), 1);
	assert_string_equal(sha256, expected);
	assert_int_equal(remote_list(row, list, open_one, sha256), -EPERM);
	script(path, "#!/bin/sh\nread piece; echo \"got $piece\"\n");
	/* From its beginning, wherever who wrote it was. */
	assert_int_equal(lseek(piece, 0, SEEK_END), 4);
	assert_int_equal(remote_run(path, NULL, list, piece, &answer), 0);
	unlink(path);
	assert_string_equal(json_string_of(answer, "output"), "got junk\n");
	assert_int_equal(remote_run(path, NULL, twice, piece, &answer), -EINVAL);
}

static void test_output_has_a_bound(void **state)
{
	char path[] = "/tmp/remote-XXXXXX";

	(void)state;
	script(path, "#!/bin/sh\nexec cat /dev/zero\n");
	assert_null(run(path, "{\"arguments\":[]}", -E2BIG));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_names_are_no_paths),
		cmocka_unit_test(test_why_not),
		cmocka_unit_test(test_what_is_tried),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_every_command),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_what_is_not_run),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_person),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_piece),
		cmocka_unit_test(test_output_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
