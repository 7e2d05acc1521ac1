/* SPDX-License-Identifier: EUPL-1.2 */
/* What a quote is held against is what the release signed, and for PCR 4 and 7 alone what
 * the operator of the machine predicts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/appliance/appliance.h"
#include "ctl/appliance/quote.h"
#include "ctl/appliance/quote_against.h"
#include "ctl/command.h"

#include "emulator.h"
#include "signed_folder.h"

#define NONCE span_str("0123456789abcdef")
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define STATEMENT "sealgate_1.2.pcrs.json"

struct stage {
	struct place p;
	struct emulator e;
	char quote[96], own[96], pem[96], key[96];
	struct quote_against a;
};

static void save(const struct stage *s, const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	write_file(&s->p, name, text, strlen(text));
	free(text);
}

/* As firmware/predict prints it; registers of this TPM are all zero. */
static json_t *statement(const char *four, const char *seven, const char *eleven)
{
	return json_pack("{s:s, s:s, s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}",
		"format", "sealgate-measurements 1", "version", "1.2", "bank", "sha256",
		"pcrs", "4", "value", four, "7", "value", seven, "11", "value", eleven,
		"12", "value", ZERO);
}

/* A release with this statement, by this signer. */
static void release_as(const struct stage *s, const struct signer *by, const char *kind,
	const char *name, json_t *said)
{
	char *text = json_dumps(said, JSON_COMPACT), sha256[SHA256_TEXT_SIZE], list[256];

	assert_int_equal(digest_sha256_text(span_str(text), sha256), 0);
	snprintf(list, sizeof(list), "sealgate-manifest 1 %s 1.2\n%s %zu %s\n", kind,
		sha256, strlen(text), name);
	write_file(&s->p, name, text, strlen(text));
	sign(&s->p, by, list);
	free(text);
	json_decref(said);
}

static void release(const struct stage *s, const struct signer *by, json_t *said)
{
	release_as(s, by, "update", STATEMENT, said);
}

static void own(struct stage *s, json_t *said)
{
	save(s, "own", said);
	json_decref(said);
	s->a.measurements = s->own;
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	json_t *quote = NULL;
	BIO *anchor;

	snprintf(s->p.dir, sizeof(s->p.dir), "/tmp/sealgate-quote-XXXXXX");
	snprintf(s->e.folder, sizeof(s->e.folder), "/tmp/sealgate-tpm-XXXXXX");
	assert_non_null(mkdtemp(s->p.dir));
	assert_non_null(mkdtemp(s->e.folder));
	s->p.ours = make_signer("release");
	s->p.foreign = make_signer("foreign");
	snprintf(s->p.anchor, sizeof(s->p.anchor), "%s/anchor.pem", s->p.dir);
	anchor = BIO_new_file(s->p.anchor, "w");
	assert_int_equal(PEM_write_bio_X509(anchor, s->p.ours.certificate), 1);
	BIO_free(anchor);
	snprintf(s->quote, sizeof(s->quote), "%s/quote", s->p.dir);
	snprintf(s->own, sizeof(s->own), "%s/own", s->p.dir);
	snprintf(s->pem, sizeof(s->pem), "%s/key.pem", s->p.dir);
	*state = s;
	if (emulator_start(&s->e) < 0) {
		s->e.pid = 0;
		return 0;
	}
	assert_int_equal(quote_make(s->e.fd, NONCE, &quote), 0);
	save(s, "quote", quote);
	write_file(&s->p, "key.pem", json_string_of(quote, "key"),
		strlen(json_string_of(quote, "key")));
	snprintf(
		s->key, sizeof(s->key), "sha256:%s", json_string_of(quote, "key_sha256"));
	json_decref(quote);
	s->a = (struct quote_against){
		.nonce = NONCE, .key = s->key, .folder = s->p.dir, .anchor = s->p.anchor
	};
	release(s, &s->p.ours, statement(ZERO, ZERO, ZERO));
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;
	const struct signer *both[] = { &s->p.ours, &s->p.foreign };

	if (s->e.pid)
		emulator_stop(&s->e);
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY_free(both[i]->key);
		X509_free(both[i]->certificate);
	}
	assert_int_equal(appliance_remove(s->p.dir), 0);
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

#define assert_comes_to(s, status)                                                       \
	assert_int_equal(quote_check((s)->quote, &(s)->a, true), status)

static void what_a_release_says_proves(void **state)
{
	struct stage *s = with_tpm(state);

	assert_comes_to(s, EXIT_CLEAN);
	s->a.key = s->pem;
	assert_comes_to(s, EXIT_CLEAN);
	release(s, &s->p.ours, statement(ZERO, ZERO, ONES));
	assert_comes_to(s, EXIT_NOT_PASSED);
}

static void the_release_is_proven_first(void **state)
{
	struct stage *s = with_tpm(state);
	json_t *other = statement(ZERO, ONES, ZERO);

	release(s, &s->p.foreign, statement(ZERO, ZERO, ZERO));
	assert_comes_to(s, EXIT_USAGE);
	release(s, &s->p.ours, statement(ZERO, ZERO, ZERO));
	save(s, STATEMENT, other);
	assert_comes_to(s, EXIT_USAGE);
	json_decref(other);
	sign(&s->p, &s->p.ours, "sealgate-manifest 1 update 1.2\n");
	assert_comes_to(s, EXIT_USAGE); /* it says nothing of registers */
	sign(&s->p, &s->p.ours, "sealgate-manifest 1 machine 1.2\n");
	assert_comes_to(s, EXIT_USAGE);
}

/* An image is handed on as a release, with files of other names than an update's. */
static void an_image_says_it_as_well(void **state)
{
	struct stage *s = with_tpm(state);

	release_as(s, &s->p.ours, "release", "sealgate-1.2.pcrs.json",
		statement(ZERO, ZERO, ZERO));
	assert_comes_to(s, EXIT_CLEAN);
	release_as(s, &s->p.ours, "release", STATEMENT, statement(ZERO, ZERO, ZERO));
	assert_comes_to(s, EXIT_USAGE);
}

/* An operator knows what is enrolled; of the image he has nothing to say. */
static void an_operator_predicts_for_his_keys_alone(void **state)
{
	struct stage *s = with_tpm(state);

	release(s, &s->p.ours, statement(ONES, ONES, ZERO));
	assert_comes_to(s, EXIT_NOT_PASSED);
	own(s, statement(ZERO, ZERO, ONES));
	assert_comes_to(s, EXIT_CLEAN);
	release(s, &s->p.ours, statement(ZERO, ZERO, ONES));
	own(s, statement(ZERO, ZERO, ZERO));
	assert_comes_to(s, EXIT_NOT_PASSED);
	s->a.folder = s->a.anchor = NULL; /* with nothing else it is all that is known */
	assert_comes_to(s, EXIT_CLEAN);
	write_file(&s->p, "own", "{}", 2);
	assert_comes_to(s, EXIT_USAGE);
}

/* Whoever says nothing of a register has not predicted it. */
static void each_register_is_predicted(void **state)
{
	struct stage *s = with_tpm(state);
	json_t *less = statement(ZERO, ZERO, ZERO);

	json_object_del(json_object_get(less, "pcrs"), "7");
	release(s, &s->p.ours, less);
	assert_comes_to(s, EXIT_NOT_PASSED);
}

static void what_is_missing_is_a_fault(void **state)
{
	struct stage *s = with_tpm(state);
	struct quote_against less = s->a;

	assert_int_equal(quote_against_complete(&less), 0);
	less.anchor = NULL;
	assert_true(quote_against_complete(&less) < 0);
	less.folder = NULL;
	assert_true(quote_against_complete(&less) < 0);
	less = s->a;
	less.key = NULL;
	assert_true(quote_against_complete(&less) < 0);
	s->a.key = "sha256:0";
	assert_comes_to(s, EXIT_USAGE);
	s->a.key = s->quote;
	assert_comes_to(s, EXIT_USAGE);
	s->a.key = s->key;
	assert_int_equal(quote_check(s->p.dir, &s->a, false), EXIT_USAGE);
	assert_int_equal(quote_check(s->pem, &s->a, false), EXIT_NOT_PASSED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_a_release_says_proves),
		TEST(the_release_is_proven_first),
		TEST(an_image_says_it_as_well),
		TEST(an_operator_predicts_for_his_keys_alone),
		TEST(each_register_is_predicted),
		TEST(what_is_missing_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
