/* SPDX-License-Identifier: EUPL-1.2 */
/* For how long those who come are let in, by the CRLs that are here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "common/json.h"
#include "web/crl_ends.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY 86400
#define NOW INT64_C(1800000000)

static char root[] = "/tmp/sealgate-crls-XXXXXX";

struct authority {
	EVP_PKEY *key;
	X509 *x;
};

static void extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static struct authority authority_make(const char *name, const struct authority *above)
{
	struct authority a = { EVP_EC_gen("P-256"), X509_new() };
	X509_NAME *subject = X509_get_subject_name(a.x);

	X509_set_version(a.x, X509_VERSION_3);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(a.x, above ? X509_get_subject_name(above->x) : subject);
	ASN1_TIME_set(X509_getm_notBefore(a.x), NOW - 900 * DAY);
	ASN1_TIME_set(X509_getm_notAfter(a.x), NOW + 900 * DAY);
	X509_set_pubkey(a.x, a.key);
	extend(a.x, NID_basic_constraints, "critical,CA:TRUE");
	extend(a.x, NID_key_usage, "critical,keyCertSign,cRLSign");
	assert_true(X509_sign(a.x, above ? above->key : a.key, EVP_sha256()) > 0);
	return a;
}

static void authority_free(struct authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->x);
}

static void put(const char *name, BIO *octets)
{
	char path[PATH_MAX], *data;
	long len = BIO_get_mem_data(octets, &data);

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(durable_write(path, span_of(data, (size_t)len), 0600), 0);
	BIO_free(octets);
}

static void put_authorities(
	const char *name, const struct authority *one, const struct authority *other)
{
	BIO *out = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(out, one->x);
	if (other)
		PEM_write_bio_X509(out, other->x);
	put(name, out);
}

/* Signed by a key; of the authority's name. days: of this and of the next update. */
static void put_crl(
	const char *name, const struct authority *a, EVP_PKEY *key, int from, int until)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, NOW + (int64_t)from * DAY);
	ASN1_TIME *next_update = ASN1_TIME_set(NULL, NOW + (int64_t)until * DAY);
	BIO *out = BIO_new(BIO_s_mem());
	ASN1_INTEGER *number;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->x));
	X509_CRL_set1_lastUpdate(crl, this_update);
	X509_CRL_set1_nextUpdate(crl, next_update);
	number = s2i_ASN1_INTEGER(NULL, "1");
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	ASN1_INTEGER_free(number);
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	i2d_X509_CRL_bio(out, crl);
	put(name, out);
	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	X509_CRL_free(crl);
}

static json_t *report(void)
{
	struct instance instance;
	char *error = NULL;
	json_t *all;

	assert_int_equal(instance_open(root, &instance, &error), 0);
	all = crl_ends_report(&instance, NOW);
	instance_done(&instance);
	return all;
}

static const json_t *row_of(const json_t *all, const char *listener, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(all, i, row)
	{
		if (strcmp(json_string_of(row, "listener"), listener) == 0 &&
			strstr(json_string_of(row, "authority"), name))
			return row;
	}
	return NULL;
}

static void assert_stands(
	const json_t *all, const char *listener, const char *name, const char *standing)
{
	const json_t *row = row_of(all, listener, name);

	assert_non_null(row);
	assert_string_equal(json_string_of(row, "standing"), standing);
}

static void its_period_decides(void **state)
{
	(void)state;
	assert_int_equal(crl_end_at(0, 100, 50), CRL_END_GOOD);
	assert_int_equal(crl_end_at(0, 100, 75), CRL_END_GOOD);
	assert_int_equal(crl_end_at(0, 100, 76), CRL_END_SOON);
	assert_int_equal(crl_end_at(0, 100, 90), CRL_END_SOON);
	assert_int_equal(crl_end_at(0, 100, 91), CRL_END_NEARLY);
	assert_int_equal(crl_end_at(0, 100, 100), CRL_END_NEARLY);
	assert_int_equal(crl_end_at(0, 100, 101), CRL_END_ENDED);
}

static void each_authority_by_what_ends_last(void **state)
{
	struct authority partners = authority_make("Partners", NULL);
	struct authority customs = authority_make("Customs", NULL);
	struct authority top = authority_make("Top", NULL);
	struct authority people = authority_make("People", &top);
	_cleanup_json_ json_t *all = NULL, *warnings = json_array();
	char text[CRL_ENDS_SAYS];

	(void)state;
	put_authorities("tls/partner-ca.pem", &partners, NULL);
	put_authorities("tls/customs-ca.pem", &customs, NULL);
	put_authorities("tls/operator-ca.pem", &top, &people);
	put_crl("state/trust/revocation/1.crl", &partners, partners.key, -100, -10);
	put_crl("state/trust/revocation/2.crl", &partners, partners.key, -50, 50);
	/* one of another key, and one that is not yet: neither counts */
	put_crl("state/trust/revocation/3.crl", &partners, customs.key, -1, 500);
	put_crl("state/trust/revocation/4.crl", &partners, partners.key, 1, 500);
	put_crl("state/trust/revocation/5.crl", &people, people.key, -98, 2);
	all = report();
	assert_stands(all, "partners", "Partners", "good");
	assert_int_equal(json_integer_value(json_object_get(
				 row_of(all, "partners", "Partners"), "days_left")),
		50);
	assert_stands(all, "customs", "Customs", "none");
	assert_stands(all, "operators", "People", "nearly");
	/* who only issues authorities needs none */
	assert_null(row_of(all, "operators", "Top"));
	assert_ptr_equal(crl_ends_worst(all), row_of(all, "operators", "People"));
	crl_ends_say(crl_ends_worst(all), text);
	assert_non_null(strstr(text, "operators: the CRL of CN=People ends at 2027-"));
	assert_int_equal(crl_ends_warn(warnings, all), 0);
	assert_int_equal(json_array_size(warnings), 2);
	json_decref(all);

	/* an older one that is in date is as good */
	put_crl("state/trust/revocation/6.crl", &people, people.key, -1, 1);
	all = report();
	assert_int_equal(json_integer_value(json_object_get(
				 row_of(all, "operators", "People"), "days_left")),
		2);
	json_decref(all);

	put_crl("state/trust/revocation/5.crl", &people, people.key, -98, -2);
	put_crl("state/trust/revocation/6.crl", &people, people.key, -97, -1);
	all = report();
	assert_stands(all, "operators", "People", "ended");
	assert_true(crl_ends_fails(row_of(all, "operators", "People")));
	assert_false(crl_ends_fails(row_of(all, "customs", "Customs")));
	authority_free(&partners);
	authority_free(&customs);
	authority_free(&top);
	authority_free(&people);
}

static void what_cannot_be_read_is_not_known(void **state)
{
	(void)state;
	assert_null(report());
	assert_null(crl_ends_worst(NULL));
}

static int make(void **state)
{
	static const char *const FOLDERS[] = { "tls", "state", "state/trust",
		"state/trust/revocation", "policies" };
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, FOLDERS[i]);
		if (mkdir(path, 0700) < 0)
			return -1;
	}
	(void)snprintf(path, sizeof(path), "%s/sealgate.conf", root);
	return durable_write(path, span_str("instance = { test = true; };\n"), 0600);
}

static int clear(void **state)
{
	char command[PATH_MAX];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_period_decides),
		cmocka_unit_test(what_cannot_be_read_is_not_known),
		cmocka_unit_test(each_authority_by_what_ends_last),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
