/* SPDX-License-Identifier: EUPL-1.2 */
/* A quote proves what it says to whom knows the key; what was altered, or is another's,
 * does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/encode.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/quote.h"

#include <errno.h>

#include "emulator.h"

#define NONCE span_str("0123456789abcdef")
#define OTHER span_str("0123456789abcdeF")
#define EXTEND                                                                           \
	"\x80\x02\0\0\0\x41\0\0\x01\x82\0\0\0\x0c\0\0\0\x09\x40\0\0\x09\0\0\0\0\0"       \
	"\0\0\0\x01\0\x0b"                                                               \
	"0123456789abcdef0123456789abcdef"
#define EXTEND_SIZE 65
#define ENDORSEMENT_PASSWORD                                                             \
	"\x80\x02\0\0\0\x24\0\0\x01\x29\x40\0\0\x0b\0\0\0\x09\x40\0\0\x09\0\0\0\0\0\0"   \
	"\x07"                                                                           \
	"unknown"
#define ENDORSEMENT_PASSWORD_SIZE 36

struct stage {
	struct emulator e;
	json_t *quote;
	char key[SHA256_TEXT_SIZE];
};

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	snprintf(s->e.folder, sizeof(s->e.folder), "/tmp/sealgate-tpm-XXXXXX");
	assert_non_null(mkdtemp(s->e.folder));
	*state = s;
	if (emulator_start(&s->e) < 0) {
		s->e.pid = 0;
		return 0;
	}
	assert_int_equal(quote_make(s->e.fd, NONCE, &s->quote), 0);
	assert_int_equal(quote_key(s->e.fd, s->key), 0);
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	if (s->e.pid)
		emulator_stop(&s->e);
	json_decref(s->quote);
	assert_int_equal(appliance_remove(s->e.folder), 0);
	free(s);
	return 0;
}

static struct stage *with_tpm(void **state)
{
	struct stage *s = *state;

	if (!s->e.pid)
		skip();
	return s;
}

/* As a release says it, of the values of this quote. */
static json_t *predicted_of(const json_t *quote)
{
	json_t *all = json_object(), *pcrs = json_object_get(quote, "pcrs");

	for (size_t i = 2; i < ATTEST_PCRS; i++) {
		char number[QUOTE_NUMBER_SIZE];

		quote_number(i, number);
		json_object_set_new(all, number,
			json_pack("{s:O, s:[s]}", "value", json_object_get(pcrs, number),
				"decided_by", "image"));
	}
	return all;
}

/* Judge it as an auditor with this key and nonce does. The one reason, or "". */
static void judged(const json_t *quote, struct span nonce, const char *key,
	const json_t *predicted, char ret_reason[256])
{
	json_t *result = quote_judge(quote, nonce, key, predicted);
	const json_t *reasons = json_object_get(result, "reasons");
	size_t n = json_array_size(reasons);

	assert_non_null(result);
	assert_int_equal(json_is_true(json_object_get(result, "ok")), n == 0);
	snprintf(ret_reason, 256, "%s",
		n ? json_string_value(json_array_get(reasons, 0)) : "");
	json_decref(result);
}

static void expect(struct stage *s, const json_t *quote, const char *reason)
{
	json_t *predicted = predicted_of(s->quote);
	char found[256];

	judged(quote, NONCE, s->key, predicted, found);
	json_decref(predicted);
	if (strncmp(found, reason, strlen(reason)) != 0 || (*found && !*reason))
		fail_msg("%s, and not %s", found, reason);
}

static void a_quote_proves(void **state)
{
	struct stage *s = with_tpm(state);

	expect(s, s->quote, "");
	assert_string_equal(json_string_of(s->quote, "key_sha256"), s->key);
}

static void the_key_is_the_same_at_the_next_start(void **state)
{
	struct stage *s = with_tpm(state);
	char key[SHA256_TEXT_SIZE];

	emulator_stop(&s->e);
	assert_int_equal(emulator_start(&s->e), 0);
	/* Keys are taken out again: there is room for a few. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(quote_key(s->e.fd, key), 0);
	assert_string_equal(key, s->key);
}

static void another_question_or_key_is_refused(void **state)
{
	struct stage *s = with_tpm(state);
	char found[256];

	judged(s->quote, OTHER, s->key, NULL, found);
	assert_string_equal(found,
		"nonce: the quote is about another one, and no answer to this question");
	judged(s->quote, span_of(NONCE.data, 15), s->key, NULL, found);
	assert_memory_equal(found, "nonce", 5);
	s->key[0] = s->key[0] == '0' ? '1' : '0';
	judged(s->quote, NONCE, s->key, NULL, found);
	assert_string_equal(found, "key: is not the one of this machine");
}

/* Every octet of what was signed and of the signature, one bit of each. */
static void each_octet_counts(void **state)
{
	static const char *const PARTS[] = { "attested", "signature" };
	struct stage *s = with_tpm(state);

	for (size_t p = 0; p < 2; p++) {
		uint8_t *octets;
		size_t len;

		assert_int_equal(
			base64_decode(span_str(json_string_of(s->quote, PARTS[p])),
				&octets, &len),
			0);
		for (size_t i = 0; i <= len; i++) {
			json_t *altered = json_deep_copy(s->quote);

			if (i < len)
				octets[i] ^= 1;
			json_object_set_new(altered, PARTS[p],
				json_base64(span_of(octets, i < len ? len : len - 1)));
			expect(s, altered, "signature: ");
			if (i < len)
				octets[i] ^= 1;
			json_decref(altered);
		}
		free(octets);
	}
}

static void values_that_were_not_signed_are_refused(void **state)
{
	struct stage *s = with_tpm(state);
	json_t *pcrs = json_object_get(s->quote, "pcrs"), *predicted;
	char found[256], *zero = strdup(json_string_of(pcrs, "12"));

	zero[63] = '1';
	json_object_set_new(pcrs, "12", json_string(zero));
	free(zero);
	predicted = predicted_of(s->quote); /* so that nothing else is wrong */
	judged(s->quote, NONCE, s->key, predicted, found);
	assert_string_equal(found, "pcrs: the values are not those that were signed");
	json_decref(predicted);
}

static void what_was_not_predicted_is_told(void **state)
{
	struct stage *s = with_tpm(state);
	json_t *later = NULL, *more = predicted_of(s->quote);
	char found[256];

	assert_int_equal(emulator_send(&s->e, EXTEND, EXTEND_SIZE), 0);
	assert_int_equal(quote_make(s->e.fd, NONCE, &later), 0);
	expect(s, later, "PCR 12: ");
	json_object_set_new(more, "9", json_pack("{s:s}", "value", s->key));
	judged(s->quote, NONCE, s->key, more, found);
	assert_string_equal(found, "statement: predicts a register that is not quoted");
	json_decref(later);
	json_decref(more);
}

static void what_is_no_quote_is_refused(void **state)
{
	static const char *const NEEDED[] = { "format", "bank", "pcrs", "attested",
		"signature", "key" };
	struct stage *s = with_tpm(state);

	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++) {
		json_t *less = json_copy(s->quote);

		json_object_del(less, NEEDED[i]);
		expect(s, less, "quote: has not the form of one");
		json_object_set_new(less, NEEDED[i], json_string("x"));
		expect(s, less,
			strcmp(NEEDED[i], "key") == 0 ? "key: is none" : "quote: ");
		json_decref(less);
	}
}

/* A TPM whose endorsement hierarchy has a password makes no key for us. */
static void a_password_is_told(void **state)
{
	struct stage *s = with_tpm(state);
	json_t *quote = NULL;

	assert_int_equal(
		emulator_send(&s->e, ENDORSEMENT_PASSWORD, ENDORSEMENT_PASSWORD_SIZE), 0);
	assert_int_equal(quote_make(s->e.fd, NONCE, &quote), -EPERM);
	assert_null(quote);
}

static void a_nonce_has_its_bounds(void **state)
{
	struct stage *s = with_tpm(state);
	uint8_t octets[ATTEST_NONCE_MOST + 1] = { 0 };
	json_t *quote = NULL;

	assert_int_equal(
		quote_make(s->e.fd, span_of(octets, ATTEST_NONCE_LEAST - 1), &quote),
		-EINVAL);
	assert_int_equal(
		quote_make(s->e.fd, span_of(octets, sizeof(octets)), &quote), -EINVAL);
	assert_int_equal(
		quote_make(s->e.fd, span_of(octets, ATTEST_NONCE_MOST), &quote), 0);
	json_decref(quote);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_quote_proves),
		TEST(the_key_is_the_same_at_the_next_start),
		TEST(another_question_or_key_is_refused),
		TEST(each_octet_counts),
		TEST(values_that_were_not_signed_are_refused),
		TEST(what_was_not_predicted_is_told),
		TEST(what_is_no_quote_is_refused),
		TEST(a_password_is_told),
		TEST(a_nonce_has_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
