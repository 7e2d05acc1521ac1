/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "common/json.h"
#include "handshake/post_mortem.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define LEAF_ONLY "FAILED:unable to verify the first certificate"
#define NOW "2026-06-01T00:00:00Z"

static char dir[64];
static struct party root, leaf, outsider, foreign;
static struct known_here known;

/* PEM as nginx escapes it; the caller frees. */
static char *escaped(X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem, *out, *text;
	long len;

	assert_true(PEM_write_bio_X509(bio, x));
	len = BIO_get_mem_data(bio, &pem);
	text = out = malloc((size_t)len * 3 + 1);
	for (long i = 0; i < len; i++)
		out += strchr("\n+/= ", pem[i])
			       ? snprintf(out, 4, "%%%02X", (unsigned)pem[i])
			       : snprintf(out, 2, "%c", pem[i]);
	BIO_free(bio);
	return text;
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void enrol(
	const char *name, const char *country, const char *transport, const char *more)
{
	char file[96], text[512];

	snprintf(file, sizeof(file), "policies/partners/%s.cfg", name);
	snprintf(text, sizeof(text),
		"name = \"%s\";\ncountry = \"%s\";\ntransport = ( \"%s\" );\n"
		"signers = ();\ntypes = ( \"PHYTO\" );\n%s",
		name, country, transport, more);
	put(file, text);
}

static void make_people(void)
{
	root = party_make((struct order){ .name = "Root", .extensions = CA_EXTENSIONS });
	outsider = party_make(
		(struct order){ .name = "Issuing", .extensions = CA_EXTENSIONS });
	leaf = party_make((struct order){ .name = "nz-mpi", .issuer = &outsider });
	foreign = party_make(
		(struct order){ .name = "Issuing", .issuer = &outsider, .serial = 77 });
}

static int setup(void **state)
{
	static const char *const FOLDERS[] = { "", "/policies", "/policies/partners",
		"/policies/routes" };
	char path[128], sha256[SHA256_TEXT_SIZE], template[] = "/tmp/sealgate-pm-XXXXXX";
	X509 *x;

	(void)state;
	assert_non_null(mkdtemp(template));
	memcpy(dir, template, sizeof(template));
	for (size_t i = 1; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, FOLDERS[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	make_people();
	pki_certificate_sha256(leaf.cert, sha256);
	enrol("nz-mpi", "NZ", sha256, "suspended = true;\n");
	memset(sha256, 'a', 64);
	enrol("br-mapa", "BR", sha256, "");
	known = (struct known_here){ .material = { pki_material_new() } };
	x = root.cert;
	return pki_material_add_x509(known.material[0], x);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	known_here_done(&known);
	party_done(&root);
	party_done(&leaf);
	party_done(&outsider);
	party_done(&foreign);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void load(void)
{
	_cleanup_(freep) char *error = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/policies", dir);
	policy_free(known.policy);
	known.policy = NULL;
	if (policy_load(path, &known.policy, &error) < 0)
		fail_msg("%s", error ? error : "policy");
}

/* What is made of a certificate of which nginx says `verify`, and intake the code (NULL:
 * nothing). */
static int make_for(const char *code, const char *verify, const char *certificate,
	struct post_mortem *p)
{
	struct request r = { .correlation = "c0ffee",
		.scgi = { .pairs = { { "CLIENT_VERIFY", verify },
				  { "CLIENT_CERTIFICATE", certificate },
				  { "TLS_PROTOCOL", "TLSv1.3" },
				  { "REMOTE_ADDR", "192.0.2.7" }, { "REFUSED", code } },
			.pair_count = code ? 5 : 4 } };

	return post_mortem_make(&r, code != NULL, &known, when(NOW), p);
}

static int make(const char *verify, const char *certificate, struct post_mortem *p)
{
	return make_for(NULL, verify, certificate, p);
}

static void an_enrolled_key_is_proof(void **state)
{
	_cleanup_(freep) char *certificate = escaped(leaf.cert);
	_cleanup_post_mortem_ struct post_mortem p;
	_cleanup_json_ json_t *answer = NULL;
	json_t *findings;

	(void)state;
	load();
	assert_int_equal(make(LEAF_ONLY, certificate, &p), 0);
	assert_string_equal(p.partner, "nz-mpi");
	assert_string_equal(json_string_of(p.record, "partner"), "nz-mpi");
	assert_true(json_is_null(json_object_get(p.record, "claimed_partner")));
	assert_string_equal(json_string_of(p.record, "address"), "192.0.2.7");
	assert_null(strchr(p.answer, '\n'));
	answer = json_loads(p.answer, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_of(answer, "code"), "partner.certificate");
	assert_string_equal(json_string_of(answer, "correlation"), "c0ffee");
	assert_non_null(strstr(json_string_of(answer, "detail"), "CN=Issuing"));
	assert_null(json_object_get(answer, "partner"));
	assert_null(json_object_get(answer, "address"));
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(answer, "authorities"), 0)),
		"CN=Root");
	findings = json_object_get(answer, "findings");
	assert_string_equal(json_string_of(json_array_get(findings, 0), "code"),
		"handshake.intermediate");
	assert_string_equal(
		json_string_of(json_array_get(findings, 1), "code"), "partner.suspended");
}

/* A country in a subject is a claim, and only where one partner has it. */
static void a_name_is_no_proof(void **state)
{
	static const char *const COUNTRY[] = { "BR", "ZZ", "BRA" };
	static const char *const CLAIMED[] = { "br-mapa", NULL, NULL };

	(void)state;
	load();
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(X509_freep) X509 *x = X509_dup(foreign.cert);
		_cleanup_post_mortem_ struct post_mortem p;
		_cleanup_(freep) char *certificate = NULL;
		const char *claimed;

		assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(x),
			strlen(COUNTRY[i]) == 2 ? "C" : "O", MBSTRING_UTF8,
			(const unsigned char *)COUNTRY[i], -1, -1, 0));
		assert_true(X509_sign(x, outsider.key, EVP_sha256()));
		certificate = escaped(x);
		assert_int_equal(make(LEAF_ONLY, certificate, &p), 0);
		assert_string_equal(p.partner, "");
		assert_true(json_is_null(json_object_get(p.record, "partner")));
		claimed = json_string_of(p.record, "claimed_partner");
		assert_true(!claimed == !CLAIMED[i]);
		if (claimed)
			assert_string_equal(claimed, CLAIMED[i]);
		assert_null(strstr(p.answer, "br-mapa"));
	}
}

static void what_was_not_refused_is_not_examined(void **state)
{
	static const char *const VERIFY[] = { "SUCCESS", "", "none", "success" };
	_cleanup_(freep) char *certificate = escaped(leaf.cert);

	(void)state;
	load();
	for (size_t i = 0; i < sizeof(VERIFY) / sizeof(VERIFY[0]); i++) {
		_cleanup_post_mortem_ struct post_mortem p;

		assert_int_equal(make(VERIFY[i], certificate, &p), -EINVAL);
		assert_null(p.record);
		assert_null(p.answer);
	}
}

static void refused_by_intake(void **state)
{
	static const char *const NOT[][2] = { { "partner.tls", "NONE" },
		{ "partner.tls", "FAILED:x" }, { "", "SUCCESS" },
		{ "partner.revocation", "SUCCESS" }, { "internal.error", "SUCCESS" } };
	_cleanup_(freep) char *certificate = escaped(leaf.cert);
	struct post_mortem p;

	(void)state;
	load();
	for (size_t i = 0; i < sizeof(NOT) / sizeof(NOT[0]); i++)
		assert_int_equal(
			make_for(NOT[i][0], NOT[i][1], certificate, &p), -EINVAL);
	assert_int_equal(make_for("partner.suspended", "SUCCESS", certificate, &p), 0);
	assert_string_equal(p.partner, "nz-mpi");
	assert_string_equal(
		json_string_of(p.record, "verify"), "REFUSED:partner.suspended");
	/* not twice */
	assert_int_equal(json_array_size(json_object_get(p.record, "findings")), 1);
	post_mortem_done(&p);
}

/* Every sentence that there is has a translation. */
static void all_sentences_in_all_languages(void **state)
{
	static const char *const ENGLISH[] = {
		"The client certificate expired at 2026-01-01T00:00:00Z.",
		"The client certificate is not valid before 2026-01-01T00:00:00Z.",
		"The times of the client certificate cannot be read.",
		"Leaf only: the certificate of its issuer, C=X, was not sent, and it is "
		"not one of the authorities here.",
		"The issuer, C=X, is not one of the authorities here, and what was sent "
		"leads to none of them.",
		"C=X is the name of an authority here, which did not sign the "
		"certificate with the key that is known here.",
		"The certificate of the issuer, C=X, was sent along, but the gate does "
		"not have it beside its authorities.",
		"The client certificate was not accepted: C=X: it is revoked.",
		"Besides, the certificate is enrolled for no partner.",
		"Besides, the partner is suspended.",
	};
	static const char *const CODES[] = { "none", "unreadable", "too-large", "expired",
		"not-yet", "purpose", "intermediate", "intermediate-here", "issuer",
		"self-signed", "signature", "above", "other" };
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_(freep) char *error = NULL;
	const char *language;

	(void)state;
	assert_int_equal(messages_load("policies", &m, &error), 0);
	for (size_t i = 0; (language = messages_language(m, i)) != NULL; i++) {
		for (size_t n = 0; n < sizeof(ENGLISH) / sizeof(ENGLISH[0]); n++) {
			_cleanup_(freep) char *text =
				messages_find(m, language, ENGLISH[n]);

			assert_non_null(text);
		}
		for (size_t n = 0; n < sizeof(CODES) / sizeof(CODES[0]); n++) {
			const struct reason *reason;
			char code[64];

			snprintf(code, sizeof(code), "handshake.%s", CODES[n]);
			reason = reason_find(code);
			assert_non_null(reason);
			assert_true(messages_have(m, language, reason->sentence));
			assert_true(messages_have(m, language, reason->fix));
		}
	}
}

static void hostile_words_stay_words(void **state)
{
	static const char WORDS[] = "FAILED:\"},\n\r{\xff\xc3\x28";
	_cleanup_post_mortem_ struct post_mortem p;
	_cleanup_json_ json_t *answer = NULL;

	(void)state;
	assert_int_equal(make(WORDS, "-----BEGIN %zz", &p), 0);
	assert_null(strpbrk(p.answer, "\r\n"));
	answer = json_loads(p.answer, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_null(json_object_get(answer, "certificate")));
	assert_true(json_is_null(json_object_get(p.record, "certificate")));
}

static void a_long_name_is_cut(void **state)
{
	_cleanup_(X509_freep) X509 *x = X509_dup(foreign.cert);
	_cleanup_post_mortem_ struct post_mortem p;
	_cleanup_(freep) char *certificate = NULL;
	unsigned char name[60];

	(void)state;
	load();
	memset(name, 'n', sizeof(name));
	for (int i = 0; i < 60; i++)
		assert_true(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "OU",
			MBSTRING_UTF8, name, sizeof(name), -1, 0));
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, outsider.key, EVP_sha256()));
	certificate = escaped(x);
	assert_int_equal(make(LEAF_ONLY, certificate, &p), 0);
	assert_true(strlen(p.answer) < 6000);
}

/* Whoever sends it is on record all the same. */
static void too_large_to_be_looked_at(void **state)
{
	static const size_t SIZES[] = { 48 * 1024 + 1, 400000 };

	(void)state;
	load();
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(freep) char *certificate = calloc(1, SIZES[i] + 1);
		_cleanup_post_mortem_ struct post_mortem p;
		const json_t *findings;

		memset(certificate, 'A', SIZES[i]);
		assert_int_equal(make(LEAF_ONLY, certificate, &p), 0);
		assert_string_equal(p.partner, "");
		assert_string_equal(json_string_of(p.record, "address"), "192.0.2.7");
		assert_string_equal(json_string_of(p.record, "verify"), LEAF_ONLY);
		assert_true(json_is_null(json_object_get(p.record, "certificate")));
		findings = json_object_get(p.record, "findings");
		assert_int_equal(json_array_size(findings), 1);
		assert_string_equal(json_string_of(json_array_get(findings, 0), "code"),
			"handshake.too-large");
	}
}

/* Without a policy that can be read everybody is a stranger. */
static void without_policy(void **state)
{
	_cleanup_(freep) char *certificate = escaped(leaf.cert);
	_cleanup_post_mortem_ struct post_mortem p;

	(void)state;
	policy_free(known.policy);
	known.policy = NULL;
	assert_int_equal(make("NONE", "", &p), 0);
	post_mortem_done(&p);
	assert_int_equal(make(LEAF_ONLY, certificate, &p), 0);
	assert_string_equal(p.partner, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_enrolled_key_is_proof),
		cmocka_unit_test(a_name_is_no_proof),
		cmocka_unit_test(what_was_not_refused_is_not_examined),
		cmocka_unit_test(refused_by_intake),
		cmocka_unit_test(all_sentences_in_all_languages),
		cmocka_unit_test(hostile_words_stay_words),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(too_large_to_be_looked_at),
		cmocka_unit_test(without_policy),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
