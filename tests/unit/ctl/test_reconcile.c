/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/reconcile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/json.h"

#define A "01J0000000000000000000000A"
#define B "01J0000000000000000000000B"
#define ACCEPTED(id) "\"document\":\"" id "\",\"event\":\"document.accepted\"", "{}"
#define SEALED(id, attempt)                                                              \
	"\"document\":\"" id "\",\"event\":\"document.sealed\"",                         \
		"{\"attempt\":" attempt "}"
#define FAILED(id, attempt)                                                              \
	"\"document\":\"" id "\",\"event\":\"document.seal-failed\"",                    \
		"{\"attempt\":" attempt "}"

static struct reconcile *both;
static char count[65536];
static size_t count_len;
static unsigned int positions, lines;
static uint8_t chain[SHA256_SIZE];

static int begin(void **state)
{
	(void)state;
	both = reconcile_new();
	assert_non_null(both);
	memset(chain, 0, sizeof(chain));
	count_len = positions = lines = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	reconcile_free(both);
	return 0;
}

static void audit_at(const char *at, const char *what, const char *detail)
{
	char line[1024];
	int n = snprintf(line, sizeof(line),
		"{\"position\":%u,\"chain\":\"%064u\",\"record\":{\"actor\":\"x\","
		"\"at\":\"%s\",\"detail\":%s,%s}}",
		++lines, 0u, at, detail, what);

	assert_int_equal(reconcile_audit(both, span_of(line, (size_t)n)), 0);
}

static void audit(const char *what, const char *detail)
{
	audit_at("2026-01-01T00:00:00Z", what, detail);
}

/* A line of the signer's count, chained as it chains them. */
static void counted_at(const char *at, const char *role, const char *document)
{
	char text[512], hex[SHA256_TEXT_SIZE];
	uint8_t octets[SHA256_SIZE + 512];
	int n = snprintf(text, sizeof(text), "%u %s %064u %s 1 %s", ++positions, role, 0u,
		document, at);

	memcpy(octets, chain, SHA256_SIZE);
	memcpy(octets + SHA256_SIZE, text, (size_t)n);
	assert_int_equal(
		digest_sha256(span_of(octets, SHA256_SIZE + (size_t)n), chain), 0);
	hex_encode(chain, SHA256_SIZE, hex);
	count_len += (size_t)snprintf(
		count + count_len, sizeof(count) - count_len, "%s %s\n", text, hex);
}

static void counted(const char *role, const char *document)
{
	counted_at("2026-01-01T00:00:00Z", role, document);
}

/* Compare; the only alarm must have the code, NULL: there is none. lost: the only
 * document of a lost part; "": only seals of known ones; NULL: nothing is excused. */
static void expect_both(const char *code, const char *lost)
{
	_cleanup_json_ json_t *json = NULL;
	char *text = NULL;
	size_t len = 0;
	FILE *in = fmemopen(count, count_len ? count_len : 1, "r");
	FILE *out = open_memstream(&text, &len);
	const json_t *alarms;

	if (count_len)
		assert_int_equal(reconcile_count(both, in), 0);
	if (count_len) {
		rewind(in);
		assert_int_equal(reconcile_lost(both, in), 0);
	}
	fclose(in);
	assert_int_equal(reconcile_print(both, out), code == NULL);
	fclose(out);
	json = json_read(span_of(text, len), len + 1);
	assert_int_equal(json_is_true(json_object_get(json, "lost")), lost != NULL);
	assert_int_equal(json_array_size(json_object_get(json, "of_lost_parts")),
		lost && *lost ? 1 : 0);
	if (lost && *lost)
		assert_string_equal(json_string_value(json_array_get(
					    json_object_get(json, "of_lost_parts"), 0)),
			lost);
	alarms = json_object_get(json, "alarms");
	assert_int_equal(json_array_size(alarms), code ? 1 : 0);
	if (code)
		assert_string_equal(
			json_string_of(json_array_get(alarms, 0), "code"), code);
	free(text);
}

static void expect(const char *code)
{
	expect_both(code, NULL);
}

static void one_document_one_seal(void **state)
{
	(void)state;
	counted("seal", "csr");
	counted("receipt", A);
	counted("seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect(NULL);
}

/* They are about no document, and a seal does not become one of them by what it is said
 * to be about. */
static void callbacks_are_no_seals(void **state)
{
	(void)state;
	counted("callback", "callback");
	counted("receipt", A);
	counted("callback", "callback");
	counted("seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect(NULL);
}

static void a_seal_as_of_a_callback(void **state)
{
	(void)state;
	counted("callback", "callback");
	counted("seal", "callback");
	expect("seal.unknown");
}

static void attempts_that_failed_are_known(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		counted("seal", A);
	audit(ACCEPTED(A));
	audit(FAILED(A, "1"));
	audit(FAILED(A, "2"));
	audit(SEALED(A, "3"));
	expect(NULL);
}

#define LOST_TO "2026-01-02T00:00:00Z"
#define AFTER "2026-01-02T00:00:01Z"
#define RESTORED "\"event\":\"queued.restored\"", "{\"mark\":\"1:00\"}"
#define SET_BACK "\"event\":\"queued.set-back\"", "{\"end\":1,\"sealed\":9}"
#define WHILE_LOST "2026-01-01T10:00:00Z"

/* The database is of a backup, the count went on: one that was sealed again, one that is
 * not known any more. */
static void what_was_sealed_in_a_lost_part_is_no_alarm(void **state)
{
	(void)state;
	counted_at(WHILE_LOST, "seal", A);
	counted_at(WHILE_LOST, "receipt", B);
	counted_at("2026-01-01T10:00:01Z", "seal-inside", B);
	counted_at("2026-01-01T10:00:01Z", "seal-inside", B);
	counted_at("2026-01-01T10:00:01Z", "seal", B);
	counted_at(AFTER, "seal", A);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, RESTORED);
	audit_at(AFTER, SEALED(A, "1"));
	expect_both(NULL, B);
}

/* Its receipt is signed before the last record that the chain has, its own came later. */
static void a_receipt_is_ahead_of_its_document(void **state)
{
	(void)state;
	counted_at("2025-12-31T23:59:30Z", "receipt", B);
	counted_at(WHILE_LOST, "seal", B);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, SET_BACK);
	expect_both(NULL, B);
}

/* The note comes later than other records of the restored chain: what is lost was lost
 * before these. */
static void a_note_that_came_late_names_where_it_began(void **state)
{
	static const char *const NOTES[][2] = { { RESTORED }, { SET_BACK },
		{ "\"event\":\"queued.set-back\"", "{\"end\":2,\"from\":1}" } };

	for (size_t i = 0; i < 3; i++) {
		end(state);
		begin(state);
		counted_at(WHILE_LOST, "receipt", B);
		counted_at(WHILE_LOST, "seal", B);
		counted_at("2026-01-01T20:00:00Z", "seal", A);
		audit("\"event\":\"queued.start\"", "{}");
		audit_at("2026-01-01T19:00:00Z", ACCEPTED(A));
		audit_at("2026-01-01T20:00:00Z", SEALED(A, "1"));
		audit_at(LOST_TO, NOTES[i][0], NOTES[i][1]);
		expect_both(NULL, B);
	}
}

/* ... and excuses nothing of what this chain has accepted since. */
static void what_came_after_the_named_record_is_not_of_the_lost_part(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		counted_at("2026-01-01T20:00:00Z", "seal", A);
	audit("\"event\":\"queued.start\"", "{}");
	audit_at("2026-01-01T19:00:00Z", ACCEPTED(A));
	audit_at("2026-01-01T20:00:00Z", SEALED(A, "1"));
	audit_at(LOST_TO, RESTORED);
	expect("seal.unexplained");
}

/* A seal process that was taken over signs what it wants, but no receipt. */
static void a_lost_part_does_not_excuse_what_nobody_acknowledged(void **state)
{
	(void)state;
	counted_at(WHILE_LOST, "seal", B);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, SET_BACK);
	expect("seal.unknown");
}

/* ... and under the name of a receipt whose document never came to be, long before. */
static void an_old_receipt_excuses_nothing(void **state)
{
	(void)state;
	counted_at("2025-12-31T23:00:00Z", "receipt", B);
	counted_at(WHILE_LOST, "seal-inside", B);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, RESTORED);
	expect("seal.unknown");
}

/* ... or of one that is lost, more than an attempt. */
static void a_lost_document_is_sealed_once(void **state)
{
	(void)state;
	counted_at(WHILE_LOST, "receipt", B);
	counted_at(WHILE_LOST, "seal", B);
	counted_at(WHILE_LOST, "seal", B);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, RESTORED);
	expect("seal.unexplained");
}

/* ... or of one that was sealed before anything was lost. */
static void what_was_sealed_before_is_not_sealed_in_a_lost_part(void **state)
{
	(void)state;
	counted("receipt", A);
	counted("seal", A);
	counted_at(WHILE_LOST, "seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	audit_at(LOST_TO, RESTORED);
	expect("seal.unexplained");
}

static void what_was_accepted_after_it_is_not_sealed_in_it(void **state)
{
	(void)state;
	counted_at(WHILE_LOST, "seal", A);
	counted_at(AFTER, "seal", A);
	audit(ACCEPTED(B));
	audit_at(LOST_TO, RESTORED);
	audit_at(AFTER, ACCEPTED(A));
	audit_at(AFTER, SEALED(A, "1"));
	expect("seal.unexplained");
}

/* Open when two parts were lost: sealed in each, and at last. */
static void each_lost_part_has_an_attempt(void **state)
{
	(void)state;
	counted_at(WHILE_LOST, "seal", A);
	counted_at("2026-01-03T00:00:00Z", "seal", A);
	counted_at("2026-01-05T00:00:00Z", "seal", A);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, RESTORED);
	audit_at("2026-01-04T00:00:00Z", RESTORED);
	audit_at("2026-01-05T00:00:00Z", SEALED(A, "1"));
	expect_both(NULL, "");
}

static void what_was_sealed_after_it_is(void **state)
{
	(void)state;
	counted_at(AFTER, "receipt", B);
	counted_at(AFTER, "seal", B);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, RESTORED);
	expect("seal.unknown");
}

static void what_was_sealed_twice_after_it_is(void **state)
{
	(void)state;
	counted_at(WHILE_LOST, "seal", A);
	counted_at(AFTER, "seal", A);
	counted_at(AFTER, "seal", A);
	audit(ACCEPTED(A));
	audit_at(LOST_TO, RESTORED);
	audit_at(AFTER, SEALED(A, "1"));
	expect("seal.unexplained");
}

/* What a taken-over seal process does: it has something else signed. */
static void a_seal_for_nothing(void **state)
{
	(void)state;
	counted("seal", A);
	counted("seal", B);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect("seal.unknown");
}

/* ... or something under the name of a document that was accepted. */
static void a_second_seal_for_a_document(void **state)
{
	(void)state;
	counted("seal", A);
	counted("seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect("seal.unexplained");
}

static void a_seal_of_each_kind_in_the_document(void **state)
{
	(void)state;
	counted("seal-inside", "csr");
	counted("seal-inside", A);
	counted("seal-inside", A);
	counted("seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect(NULL);
}

static void a_seal_in_what_nobody_accepted(void **state)
{
	(void)state;
	counted("seal", A);
	counted("seal-inside", B);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect("seal.unknown");
}

static void a_seal_more_in_the_document(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		counted("seal-inside", A);
	counted("seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect("seal.unexplained");
}

static void one_attempt_may_be_under_way(void **state)
{
	(void)state;
	counted("seal", A);
	audit(ACCEPTED(A));
	expect(NULL);
}

static void a_seal_that_nobody_counted(void **state)
{
	(void)state;
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	expect("seal.not-counted");
}

static void sealed_twice(void **state)
{
	(void)state;
	counted("seal", A);
	counted("seal", A);
	audit(ACCEPTED(A));
	audit(SEALED(A, "1"));
	audit(SEALED(A, "2"));
	expect("seal.twice");
}

static void a_receipt_without_document_is_no_alarm(void **state)
{
	(void)state;
	counted("receipt", B);
	expect(NULL);
}

static void a_changed_count_is_an_alarm(void **state)
{
	(void)state;
	counted("seal", A);
	counted("seal", B);
	audit(ACCEPTED(A));
	audit(ACCEPTED(B));
	*strstr(count, B) = '7'; /* the second line is about another document now */
	expect("count.broken");
}

static void a_line_that_is_missing_is_an_alarm(void **state)
{
	size_t first;

	(void)state;
	counted("seal", A);
	first = count_len;
	counted("seal", A);
	audit(ACCEPTED(A));
	memmove(count, count + first, count_len - first);
	count_len -= first;
	expect("count.broken");
}

static void many_documents(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		char what[128];

		snprintf(what, sizeof(what),
			"\"document\":\"01J%023u\",\"event\":\"document.accepted\"", i);
		audit(what, "{}");
	}
	expect(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_document_one_seal),
		TEST(callbacks_are_no_seals),
		TEST(a_seal_as_of_a_callback),
		TEST(attempts_that_failed_are_known),
		TEST(what_was_sealed_in_a_lost_part_is_no_alarm),
		TEST(a_receipt_is_ahead_of_its_document),
		TEST(a_note_that_came_late_names_where_it_began),
		TEST(what_came_after_the_named_record_is_not_of_the_lost_part),
		TEST(a_lost_part_does_not_excuse_what_nobody_acknowledged),
		TEST(an_old_receipt_excuses_nothing),
		TEST(a_lost_document_is_sealed_once),
		TEST(what_was_sealed_before_is_not_sealed_in_a_lost_part),
		TEST(what_was_accepted_after_it_is_not_sealed_in_it),
		TEST(each_lost_part_has_an_attempt),
		TEST(what_was_sealed_after_it_is),
		TEST(what_was_sealed_twice_after_it_is),
		TEST(a_seal_for_nothing),
		TEST(a_second_seal_for_a_document),
		TEST(a_seal_of_each_kind_in_the_document),
		TEST(a_seal_in_what_nobody_accepted),
		TEST(a_seal_more_in_the_document),
		TEST(one_attempt_may_be_under_way),
		TEST(a_seal_that_nobody_counted),
		TEST(sealed_twice),
		TEST(a_receipt_without_document_is_no_alarm),
		TEST(a_changed_count_is_an_alarm),
		TEST(a_line_that_is_missing_is_an_alarm),
		TEST(many_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
