/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "pki/certificate.h"
#include "pki/strength.h"

#include <stdio.h>
#include <unistd.h>

static void exactly_one_certificate(void **state)
{
	struct party p = party_make((struct order){ .name = "One" });
	struct octets o = der_of(p.cert);
	unsigned char *longer = malloc((size_t)o.len + 1);
	X509 *x;

	(void)state;
	memcpy(longer, o.data, (size_t)o.len);
	longer[o.len] = 0;
	x = pki_certificate_parse(span_of_octets(&o));
	assert_non_null(x);
	assert_null(pki_certificate_parse(span_of(longer, (size_t)o.len + 1)));
	for (int i = 0; i < o.len; i++)
		assert_null(pki_certificate_parse(span_of(o.data, (size_t)i)));
	assert_null(pki_certificate_parse(span_of(NULL, 0)));
	X509_free(x);
	free(longer);
	octets_done(&o);
	party_done(&p);
}

static void a_name_may_be_empty(void **state)
{
	X509_NAME *name = X509_NAME_new();
	char *text = pki_name_text(name);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	X509_NAME_free(name);
}

static void names_are_rfc_4514(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "Veterinary Office", "CN=Veterinary Office" },
		{ "a,b+c\"d\\e<f>g;h", "CN=a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h" },
		{ " lead", "CN=\\ lead" },
		{ "#hash", "CN=\\#hash" },
		{ "Zemkop\xc4\xab"
		  "bas ministrija",
			"CN=Zemkop\xc4\xab"
			"bas ministrija" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509_NAME *name = X509_NAME_new();
		char *text;

		set_name(name, cases[i].value);
		text = pki_name_text(name);
		assert_string_equal(text, cases[i].text);
		free(text);
		X509_NAME_free(name);
	}
}

static void the_most_specific_comes_first(void **state)
{
	X509_NAME *name = X509_NAME_new();
	char *text;

	(void)state;
	X509_NAME_add_entry_by_txt(
		name, "C", MBSTRING_ASC, (const unsigned char *)"XX", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "O", MBSTRING_ASC, (const unsigned char *)"Org", -1, -1, 0);
	set_name(name, "Name");
	text = pki_name_text(name);
	assert_string_equal(text, "CN=Name,O=Org,C=XX");
	free(text);
	X509_NAME_free(name);
}

static void serial_numbers(void **state)
{
	static const struct {
		long serial;
		const char *text;
	} cases[] = { { 0, "00" }, { 1, "01" }, { -1, "ff" }, { -128, "80" },
		{ -129, "ff7f" }, { 0xabc, "0abc" }, { 0x80, "80" },
		{ 0x12345678, "12345678" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509 *x = X509_new();
		char *text;

		ASN1_INTEGER_set(X509_get_serialNumber(x), cases[i].serial);
		text = pki_serial_text(x);
		assert_string_equal(text, cases[i].text);
		free(text);
		X509_free(x);
	}
}

static void keys(void **state)
{
	struct pki_key_info info;
	EVP_PKEY *ec = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(1024),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	(void)state;
	pki_key_info(ec, &info);
	assert_string_equal(info.algorithm, "EC");
	assert_string_equal(info.curve, "P-384");
	assert_int_equal(info.bits, 384);
	pki_key_info(rsa, &info);
	assert_string_equal(info.algorithm, "RSA");
	assert_string_equal(info.curve, "");
	assert_int_equal(info.bits, 1024);
	pki_key_info(ed, &info);
	assert_string_equal(info.algorithm, "Ed25519");
	pki_key_info(NULL, &info);
	assert_string_equal(info.algorithm, "unknown");
	EVP_PKEY_free(ec);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed);
}

static void strength_by_date(void **state)
{
	struct pki_key_info rsa = { .algorithm = "RSA", .bits = 1024 };
	struct pki_key_info good = { .algorithm = "RSA", .bits = 3072 };
	struct pki_key_info unknown = { .algorithm = "unknown", .bits = 9999 };

	(void)state;
	assert_true(pki_strength_acceptable(
		NULL, "SHA256", &rsa, when("2019-09-30T23:59:59Z")));
	assert_false(pki_strength_acceptable(
		NULL, "SHA256", &rsa, when("2019-10-01T00:00:00Z")));
	assert_true(pki_strength_acceptable(
		NULL, "SHA1", &good, when("2012-07-31T00:00:00Z")));
	assert_false(pki_strength_acceptable(
		NULL, "SHA1", &good, when("2012-08-01T00:00:00Z")));
	assert_false(pki_strength_acceptable(
		NULL, "MD5", &good, when("2000-01-01T00:00:00Z")));
	assert_false(pki_strength_acceptable(
		NULL, "unknown", &good, when("2026-01-01T00:00:00Z")));
	assert_false(pki_strength_acceptable(
		NULL, "SHA256", &unknown, when("2026-01-01T00:00:00Z")));
	rsa.bits = 512;
	assert_false(pki_strength_acceptable(
		NULL, "SHA256", &rsa, when("2005-01-01T00:00:00Z")));
}

static void files(void **state)
{
	char path[] = "/tmp/certificate-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	struct party p = party_make((struct order){ .name = "In a file" });
	X509 *x;

	(void)state;
	fputs("Some text before it.\n", f);
	PEM_write_X509(f, p.cert);
	fclose(f);
	x = pki_certificate_read(path);
	assert_non_null(x);
	assert_int_equal(X509_cmp(x, p.cert), 0);
	X509_free(x);
	f = fopen(path, "w");
	fputs("nothing", f);
	fclose(f);
	assert_null(pki_certificate_read(path));
	unlink(path);
	assert_null(pki_certificate_read(path));
	party_done(&p);
}

static int lint(X509 *made, const char *code)
{
	struct findings found = { 0 };
	X509 *x = read_again(made);
	int clean = pki_certificate_lint(x, &found);

	assert_int_equal(clean == 1, found.errors == 0);
	if (code)
		assert_true(findings_have(&found, code));
	findings_done(&found);
	X509_free(x);
	return clean;
}

static void lint_passes_what_is_well_made(void **state)
{
	struct party root =
		party_make((struct order){ .name = "R", .extensions = ROOT_EXTENSIONS });
	struct party end = party_make((struct order){
		.name = "E", .issuer = &root, .extensions = SIGNER_EXTENSIONS });

	(void)state;
	assert_int_equal(lint(root.cert, NULL), 1);
	assert_int_equal(lint(end.cert, NULL), 1);
	party_done(&root);
	party_done(&end);
}

static void lint_of_serial_numbers(void **state)
{
	static const char *const numbers[] = { "0", "-1", "0x80", NULL };
	struct party p =
		party_make((struct order){ .name = "S", .extensions = ROOT_EXTENSIONS });
	BIGNUM *n = NULL;

	(void)state;
	for (size_t i = 0; numbers[i]; i++) {
		ASN1_INTEGER *serial = s2i_ASN1_INTEGER(NULL, numbers[i]);

		X509_set_serialNumber(p.cert, serial);
		ASN1_INTEGER_free(serial);
		X509_sign(p.cert, p.key, EVP_sha256());
		assert_int_equal(
			lint(p.cert, i < 2 ? "pki.serial" : NULL), i < 2 ? 0 : 1);
	}
	BN_hex2bn(&n, "7f00000000000000000000000000000000000000");
	for (int octets = 20; octets <= 21; octets++) {
		BN_to_ASN1_INTEGER(n, X509_get_serialNumber(p.cert));
		X509_sign(p.cert, p.key, EVP_sha256());
		assert_int_equal(lint(p.cert, NULL), octets == 20);
		BN_lshift(n, n, 8);
	}
	BN_free(n);
	party_done(&p);
}

static void lint_of_extensions(void **state)
{
	static const struct {
		struct extension extensions[6];
		const char *code;
	} cases[] = {
		{ { { NID_basic_constraints, "CA:TRUE" },
			  { NID_key_usage, "critical,keyCertSign" } },
			"pki.extension" },
		{ { { NID_basic_constraints, "critical,CA:TRUE" } }, "pki.usage" },
		{ { { NID_key_usage, "critical,keyCertSign" } }, "pki.usage" },
		{ { { NID_basic_constraints, "critical,CA:TRUE" },
			  { NID_key_usage, "critical,keyCertSign" },
			  { NID_name_constraints, "permitted;email:.invalid" } },
			"pki.extension" },
		{ { { NID_name_constraints, "critical,permitted;email:.invalid" } },
			"pki.extension" },
		{ { { NID_subject_key_identifier, "critical,hash" } }, "pki.extension" },
		{ { { NID_netscape_comment, "critical,hello" } }, "pki.extension" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct order o = { .name = "X" };
		struct party p;

		memcpy(o.extensions, cases[i].extensions, sizeof(cases[i].extensions));
		p = party_make(o);
		assert_int_equal(lint(p.cert, cases[i].code), 0);
		party_done(&p);
	}
}

static void lint_of_times_and_version(void **state)
{
	struct party p =
		party_make((struct order){ .name = "T", .extensions = ROOT_EXTENSIONS });

	(void)state;
	ASN1_TIME_set_string(X509_getm_notAfter(p.cert), "20300101000000Z");
	X509_sign(p.cert, p.key, EVP_sha256());
	assert_int_equal(lint(p.cert, "pki.time"), 0);
	ASN1_TIME_set_string(X509_getm_notAfter(p.cert), "20500101000000Z");
	X509_sign(p.cert, p.key, EVP_sha256());
	assert_int_equal(lint(p.cert, NULL), 1);
	party_done(&p);
	p = party_make((struct order){ .name = "V1" });
	X509_set_version(p.cert, X509_VERSION_1);
	X509_sign(p.cert, p.key, EVP_sha256());
	assert_int_equal(lint(p.cert, "pki.profile"), 0);
	party_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_one_certificate),
		cmocka_unit_test(names_are_rfc_4514),
		cmocka_unit_test(a_name_may_be_empty),
		cmocka_unit_test(the_most_specific_comes_first),
		cmocka_unit_test(serial_numbers),
		cmocka_unit_test(keys),
		cmocka_unit_test(strength_by_date),
		cmocka_unit_test(files),
		cmocka_unit_test(lint_passes_what_is_well_made),
		cmocka_unit_test(lint_of_serial_numbers),
		cmocka_unit_test(lint_of_extensions),
		cmocka_unit_test(lint_of_times_and_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
