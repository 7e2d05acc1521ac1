/* SPDX-License-Identifier: EUPL-1.2 */
/* What a report says of certificates and secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/durable.h"
#include "common/instance.h"
#include "common/json.h"
#include "ctl/appliance/appliance.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static char root[] = "/tmp/sealgate-report-XXXXXX";

/* A file, and the folders above it. */
static void put(const char *name, struct span octets)
{
	char path[PATH_MAX];

	assert_true(snprintf(path, sizeof(path), "%s/%s", root, name) < PATH_MAX);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(path, 0700);
		*at = '/';
	}
	assert_int_equal(durable_write(path, octets, 0600), 0);
}

/* A certificate that ends in so many days and an hour. */
static void put_certificate(const char *name, const char *subject, int days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *out = BIO_new(BIO_s_mem());
	X509 *x = X509_new();
	char *data;
	long len;

	assert_int_equal(
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
			(const unsigned char *)subject, -1, -1, 0),
		1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)days * 86400 + 3600);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	PEM_write_bio_X509(out, x);
	len = BIO_get_mem_data(out, &data);
	put(name, span_of(data, (size_t)len));
	BIO_free(out);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* The row of a file below root. */
static const json_t *row_of(const json_t *list, const char *name)
{
	char path[PATH_MAX];
	const json_t *row;
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	json_array_foreach(list, i, row)
	{
		if (strcmp(json_string_of(row, "file"), path) == 0)
			return row;
	}
	fail_msg("%s is not in the report", name);
	return NULL;
}

/* Days from now to the end that a row names. */
static int ends_in(const json_t *row)
{
	struct tm tm = { 0 };

	assert_non_null(
		strptime(json_string_of(row, "not_after"), "%Y-%m-%dT%H:%M:%SZ", &tm));
	return (int)((timegm(&tm) - clock_now()) / 86400);
}

static void every_certificate(void **state)
{
	static const char *const FILES[] = { "instance/tls/server.pem",
		"instance/policies/anchors/nz/ca.pem", "instance/policies/backup/ana.pem",
		"instance/credentials/destinations/gate.pem", "instance/logs/client.pem",
		"instance/logs/ca.pem", "instance/ship/one/client.pem",
		"instance/state/signer/seal.chain.pem", "anchors/release.pem",
		"instance/time/ca.pem", "instance/tls/destination-ca.pem",
		"instance/web.crt", "instance/own/server.crt",
		"instance/policies/journal.pem", "instance/policies/crl.crt",
		"instance/policies/ocsp.crt", "instance/policies/officer.crt" };
	static const char CONF[] = "trustd = { ca = \"web.crt\"; };\n"
				   "tls = { certificate = \"own/server.crt\"; };\n";
	static const char SOURCES[] =
		"hosts = ( \"x.example\" );\n"
		"revocation = ( { name = \"a\"; url = \"http://x.example/a\"; "
		"issuer = \"crl.crt\"; every_s = 9; } );\n"
		"ocsp = ( { name = \"b\"; url = \"http://x.example/b\"; "
		"issuer = \"ocsp.crt\"; certificate = \"officer.crt\"; every_s = 9; } "
		");\n"
		"lists = { lotl = \"http://x.example/l\"; journal = \"journal.pem\"; "
		"every_s = 9; };\n";
	const int count = (int)(sizeof(FILES) / sizeof(FILES[0]));
	_cleanup_json_ json_t *all = NULL;
	char instance[PATH_MAX], anchors[PATH_MAX];

	(void)state;
	for (int i = 0; i < count; i++)
		put_certificate(FILES[i], strrchr(FILES[i], '/') + 1, 10 * i);
	put("instance/sealgate.conf", span_str(CONF));
	put("instance/policies/trust/sources.cfg", span_str(SOURCES));
	put("instance/tls/server.key", span_str("no certificate"));
	(void)snprintf(instance, sizeof(instance), "%s/instance", root);
	(void)snprintf(anchors, sizeof(anchors), "%s/anchors", root);
	all = appliance_certificates(instance, anchors);
	assert_int_equal(json_array_size(all), count);
	for (int i = 0; i < count; i++) {
		const json_t *row = row_of(all, FILES[i]);

		assert_non_null(strstr(
			json_string_of(row, "subject"), strrchr(FILES[i], '/') + 1));
		assert_int_equal(
			json_integer_value(json_object_get(row, "days_left")), 10 * i);
		assert_int_equal(ends_in(row), 10 * i);
		assert_int_equal(strlen(json_string_of(row, "sha256")), 64);
	}
}

static void every_secret_by_name_alone(void **state)
{
	_cleanup_json_ json_t *all = NULL;
	_cleanup_(freep) char *text = NULL;
	char instance[PATH_MAX];
	const json_t *row;

	(void)state;
	put("instance/" INSTANCE_SEALED "/edge/tls_server.key",
		span_str("sealed octets"));
	(void)snprintf(instance, sizeof(instance), "%s/instance", root);
	all = appliance_credentials(instance);
	assert_int_equal(json_array_size(all), 1);
	row = json_array_get(all, 0);
	assert_string_equal(json_string_of(row, "unit"), "edge");
	assert_string_equal(json_string_of(row, "name"), "tls_server.key");
	assert_int_equal(strlen(json_string_of(row, "since")), 20);
	text = json_canonical(all);
	assert_null(strstr(text, "octets"));
}

static int make(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_certificate),
		cmocka_unit_test(every_secret_by_name_alone),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
