/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/command.h"

#include "common/clock.h"
#include "common/durable.h"
#include "tests/unit/trust/made.h"
#include "xades/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants the above */
#include <cmocka.h>

#include <openssl/pem.h>

#include "sealed.h"

#define NOW INT64_C(1780660800) /* 2026-06-05T12:00:00Z */
#define AT "2026-06-06T00:00:00Z"
#define XMLSEC "/usr/bin/xmlsec1"

static struct house HOUSE_OF_TESTS;
static char FOLDER[] = "/tmp/test_command_XXXXXX";

static const char *in_folder(const char *name)
{
	static char paths[8][256];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", FOLDER, name);
	return path;
}

static void write_pem(const char *name, X509 *x)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
}

static void write_list(const char *name, const struct house_list *list)
{
	FILE *f = fopen(in_folder(name), "w");
	X509_CRL *crl = house_list(list);

	assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
	X509_CRL_free(crl);
	fclose(f);
}

static void write_store(void)
{
	FILE *f;

	assert_int_equal(mkdir(in_folder("store"), 0700), 0);
	assert_int_equal(mkdir(in_folder("store/seal"), 0700), 0);
	assert_int_equal(mkdir(in_folder("store/tsa"), 0700), 0);
	assert_int_equal(mkdir(in_folder("store/revocation"), 0700), 0);
	write_pem("store/seal/ca.pem", HOUSE_OF_TESTS.ca);
	write_pem("store/tsa/ca.pem", HOUSE_OF_TESTS.ca);
	f = fopen(in_folder("store/revocation/ca.crl"), "w");
	assert_int_equal(PEM_write_X509_CRL(f, HOUSE_OF_TESTS.crl), 1);
	fclose(f);
}

/* As an import of trusted lists leaves it. */
static void write_lists(void)
{
	assert_int_equal(mkdir(in_folder("empty"), 0700), 0);
	assert_int_equal(
		made_store(in_folder("lists"), &HOUSE_OF_TESTS.ca, 1, 1780660800), 0);
}

static int set_up(void **state)
{
	struct sealed s;
	struct buf c;

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	assert_int_equal(xades_setup(), 0);
	house_open(&HOUSE_OF_TESTS, NOW);
	sealed_plan(&s, &HOUSE_OF_TESTS);
	sealed_make(&HOUSE_OF_TESTS, &s.plan, HOUSE_OF_TESTS.seal_key, NOW + 1, &c);
	assert_int_equal(durable_write(in_folder("c.asice"), buf_span(&c), 0600), 0);
	c.data[c.len / 2] ^= 1;
	assert_int_equal(durable_write(in_folder("bad.asice"), buf_span(&c), 0600), 0);
	write_pem("ca.pem", HOUSE_OF_TESTS.ca);
	write_pem("seal.pem", HOUSE_OF_TESTS.seal);
	write_store();
	write_lists();
	buf_done(&c);
	sealed_done(&s);
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	house_done(&HOUSE_OF_TESTS);
	snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

/* Run with arguments up to a NULL; *ret_out: what was printed, freed by the caller. */
static int run(int (*command)(const char *, int, char **, FILE *, FILE *), char **ret_out,
	const char *first, ...)
{
	char *argv[16] = { (char *)(uintptr_t) "verify", (char *)(uintptr_t)first }, *err;
	size_t out_len, err_len;
	FILE *out = open_memstream(ret_out, &out_len),
	     *e = open_memstream(&err, &err_len);
	int argc = first ? 2 : 1, status;
	va_list ap;

	va_start(ap, first);
	while (first && (argv[argc] = va_arg(ap, char *)) != NULL)
		argc++;
	va_end(ap);
	status = command("test", argc, argv, out, e);
	fclose(out);
	fclose(e);
	if (status >= 2)
		assert_int_not_equal(err_len, 0);
	free(err);
	return status;
}

#define VERIFY(out, ...) run(evidence_verify_command, out, __VA_ARGS__, NULL)

static void verify_says_it_in_json(void **state)
{
	_cleanup_(freep) char *out = NULL, *bare = NULL;
	_cleanup_json_ json_t *json = NULL, *none = NULL;

	(void)state;
	assert_int_equal(VERIFY(&out, "--store", in_folder("store"), "--at", AT,
				 in_folder("c.asice")),
		0);
	json = json_loads(out, 0, NULL);
	assert_string_equal(json_string_of(json, "file"), in_folder("c.asice"));
	assert_string_equal(json_string_of(json, "indication"), "TOTAL-PASSED");
	assert_string_equal(json_string_of(json, "at"), AT);
	assert_int_equal(strlen(json_string_of(json, "store_version")), 64);
	assert_int_equal(VERIFY(&bare, "--at", AT, in_folder("c.asice")), 1);
	none = json_loads(bare, 0, NULL);
	assert_string_equal(
		json_string_of(none, "sub_indication"), "NO_CERTIFICATE_CHAIN_FOUND");
	assert_true(json_is_null(json_object_get(none, "store_version")));
}

static void the_worst_of_several_counts(void **state)
{
	_cleanup_(freep) char *out = NULL;
	const char *line;

	(void)state;
	assert_int_equal(VERIFY(&out, "--anchors", in_folder("ca.pem"), "--revocation",
				 in_folder("store/revocation"), "--at", AT,
				 in_folder("bad.asice"), in_folder("c.asice")),
		1);
	assert_non_null(strstr(out, "evidence.form"));
	line = strchr(out, '\n');
	assert_non_null(strstr(line, "TOTAL-PASSED"));
	assert_null(strstr(line, "evidence.form"));
}

static void verify_says_it_in_words(void **state)
{
	_cleanup_(freep) char *out = NULL, *bad = NULL;

	(void)state;
	assert_int_equal(VERIFY(&out, "--store", in_folder("store"), "--at", AT,
				 "--format", "text", in_folder("c.asice")),
		0);
	assert_non_null(strstr(out, "TOTAL-PASSED"));
	assert_non_null(strstr(out, "TEST"));
	assert_non_null(strstr(out, SEALED_ID));
	assert_non_null(strstr(out, "CN=Seal"));
	assert_non_null(strstr(out, "its SHA-256 "));
	assert_int_equal(VERIFY(&bad, "--format", "text", in_folder("bad.asice")), 1);
	assert_non_null(strstr(bad, "offset "));
}

static void a_store_is_either_kind(void **state)
{
	_cleanup_(freep) char *out = NULL, *none = NULL;
	char both[256];

	(void)state;
	assert_int_equal(
		VERIFY(&out, "--store", in_folder("lists"), "--revocation",
			in_folder("store/revocation"), "--at", AT, in_folder("c.asice")),
		0);
	assert_null(strstr(out, "\"store_version\":null"));
	assert_int_equal(
		VERIFY(&none, "--store", in_folder("absent"), in_folder("c.asice")), 2);
	free(none);
	assert_int_equal(
		VERIFY(&none, "--store", in_folder("empty"), in_folder("c.asice")), 2);
	free(none);
	/* Which of the two was meant nobody can tell. */
	snprintf(both, sizeof(both), "%s/lists/seal", FOLDER);
	assert_int_equal(mkdir(both, 0700), 0);
	assert_int_equal(
		VERIFY(&none, "--store", in_folder("lists"), in_folder("c.asice")), 2);
	assert_int_equal(rmdir(both), 0);
}

/* A statement by a house's key for receipts in a file. */
static void write_statement_of(
	const struct house *h, const char *name, const char *claims)
{
	_cleanup_json_ json_t *json = json_loads(claims, 0, NULL);
	uint8_t digest[SHA256_SIZE], value[64];
	struct receipt_signer *signer;
	unsigned char *der = NULL;
	int len = i2d_X509(h->receipt, &der);
	char *input, *text;

	assert_int_equal(receipt_signer_new(span_of(der, (size_t)len), &signer), 0);
	assert_int_equal(statement_signing_input(json, signer, &input), 0);
	assert_int_equal(digest_sha256(span_str(input), digest), 0);
	house_sign(h->receipt_key, digest, sizeof(digest), value);
	assert_int_equal(receipt_assemble(input, value, &text), 0);
	assert_int_equal(durable_write(in_folder(name), span_str(text), 0600), 0);
	receipt_signer_free(signer);
	OPENSSL_free(der);
	free(input);
	free(text);
}

static void write_statement(const char *name, const char *claims)
{
	write_statement_of(&HOUSE_OF_TESTS, name, claims);
}

static void what_is_sealed_as_json(void **state)
{
	_cleanup_(freep) char *out = NULL, *text = NULL, *bare = NULL, *bad = NULL;
	_cleanup_json_ json_t *json = NULL;
	const json_t *evidence;

	(void)state;
	write_statement("s.json",
		"{\"statement\":1,\"held\":false,\"number\":\"N1\",\"at\":\"" AT "\"}");
	write_statement("r.json", "{\"receipt\":1,\"number\":\"N1\"}");
	assert_int_equal(VERIFY(&out, "--store", in_folder("store"), "--at", AT,
				 in_folder("s.json")),
		0);
	json = json_loads(out, 0, NULL);
	evidence = json_object_get(json, "evidence");
	assert_string_equal(json_string_of(json, "indication"), "TOTAL-PASSED");
	assert_string_equal(json_string_of(evidence, "kind"), "status-statement");
	assert_string_equal(
		json_string_of(json_object_get(evidence, "claims"), "number"), "N1");
	assert_int_equal(VERIFY(&text, "--store", in_folder("store"), "--at", AT,
				 "--format", "text", in_folder("s.json")),
		0);
	assert_non_null(strstr(text, "held        no"));
	assert_non_null(strstr(text, "CN=Receipts"));
	assert_non_null(strstr(text, "its SHA-256 "));
	assert_int_equal(VERIFY(&bare, "--at", AT, in_folder("s.json")), 1);
	assert_non_null(strstr(bare, "NO_CERTIFICATE_CHAIN_FOUND"));
	/* Claims of a receipt under the type of a statement are neither. */
	assert_int_equal(VERIFY(&bad, "--store", in_folder("store"), "--at", AT,
				 in_folder("r.json")),
		1);
	assert_non_null(strstr(bad, "FORMAT_FAILURE"));
}

/* Of a time that has passed all is known that is known today. */
static void what_was_sealed_long_ago(void **state)
{
	_cleanup_(freep) char *out = NULL, *revoked = NULL;
	struct house past;
	struct house_list list;
	char at[CLOCK_TEXT_SIZE], after[CLOCK_TEXT_SIZE];
	int64_t then = clock_now() - 60 * HOUSE_DAY;

	(void)state;
	house_open(&past, then);
	list = (struct house_list){ past.ca, past.ca_key, clock_now() - HOUSE_DAY, 30,
		past.receipt, then + 30 * HOUSE_DAY };
	write_statement_of(
		&past, "p.json", "{\"statement\":1,\"held\":false,\"number\":\"N1\"}");
	write_pem("past.pem", past.ca);
	write_list("past.crl", &list);
	clock_format(then + 60, at);
	clock_format(then + 31 * HOUSE_DAY, after);
	assert_int_equal(VERIFY(&out, "--anchors", in_folder("past.pem"), "--revocation",
				 in_folder("past.crl"), "--at", at, in_folder("p.json")),
		0);
	assert_int_equal(
		VERIFY(&revoked, "--anchors", in_folder("past.pem"), "--revocation",
			in_folder("past.crl"), "--at", after, in_folder("p.json")),
		1);
	assert_non_null(strstr(revoked, "REVOKED_NO_POE"));
	house_done(&past);
}

static void usage_is_two(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(run(evidence_verify_command, &out, NULL), 2);
	free(out);
	assert_int_equal(VERIFY(&out, "--format", "xml", in_folder("c.asice")), 2);
	free(out);
	assert_int_equal(VERIFY(&out, "--at", "now", in_folder("c.asice")), 2);
	free(out);
	assert_int_equal(
		VERIFY(&out, "--anchors", in_folder("absent"), in_folder("c.asice")), 2);
	free(out);
	assert_int_equal(VERIFY(&out, in_folder("absent")), 2);
	free(out);
	assert_int_equal(
		run(evidence_extract_command, &out, in_folder("c.asice"), NULL), 2);
	free(out);
}

static void extract_gives_the_parts_back(void **state)
{
	_cleanup_(freep) uint8_t *document = NULL;
	char *out;
	size_t len;

	(void)state;
	assert_int_equal(run(evidence_extract_command, &out, in_folder("c.asice"),
				 in_folder("out"), NULL),
		0);
	free(out);
	assert_int_equal(
		file_read(in_folder("out/document.xml"), 65536, &document, &len), 0);
	assert_true(span_equal(span_of(document, len), span_str(SEALED_DOCUMENT)));
	/* Nothing is overwritten. */
	assert_int_equal(run(evidence_extract_command, &out, in_folder("c.asice"),
				 in_folder("out"), NULL),
		2);
	free(out);
	assert_int_equal(run(evidence_extract_command, &out, in_folder("bad.asice"),
				 in_folder("none"), NULL),
		1);
	free(out);
	assert_int_not_equal(access(in_folder("none"), F_OK), 0);
}

/* The seal as an independent implementation of XML signatures sees it. */
static void xmlsec_agrees(void **state)
{
	char *out, command[1024];

	(void)state;
	if (access(XMLSEC, X_OK) != 0)
		skip();
	assert_int_equal(run(evidence_extract_command, &out, in_folder("c.asice"),
				 in_folder("judged"), NULL),
		0);
	free(out);
	snprintf(command, sizeof(command),
		"cd %s/judged && " XMLSEC
		" --verify --pubkey-cert-pem ../seal.pem --id-attr:Id "
		"http://uri.etsi.org/01903/v1.3.2#:SignedProperties "
		"META-INF/signatures001.xml "
		">/dev/null 2>&1",
		FOLDER);
	assert_int_equal(system(command), 0);
	snprintf(command + strlen(command), sizeof(command) - strlen(command),
		" && echo >> %s/judged/report.json", FOLDER);
	assert_int_equal(system(command), 0);
	assert_int_not_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verify_says_it_in_json),
		cmocka_unit_test(the_worst_of_several_counts),
		cmocka_unit_test(verify_says_it_in_words),
		cmocka_unit_test(a_store_is_either_kind),
		cmocka_unit_test(what_is_sealed_as_json),
		cmocka_unit_test(what_was_sealed_long_ago),
		cmocka_unit_test(usage_is_two),
		cmocka_unit_test(extract_gives_the_parts_back),
		cmocka_unit_test(xmlsec_agrees),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
