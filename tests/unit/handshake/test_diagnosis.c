/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/pki/fixture.h"

#include "handshake/diagnosis.h"

#include <string.h>

#define NOW "2026-06-01T00:00:00Z"
#define CLIENT                                                                           \
	{                                                                                \
		{ NID_key_usage, "critical,digitalSignature" },                          \
		{                                                                        \
			NID_ext_key_usage, "clientAuth"                                  \
		}                                                                        \
	}
#define EXPIRED "FAILED:certificate has expired"
#define LEAF_ONLY "FAILED:unable to verify the first certificate"
#define NO_ISSUER_SENT "FAILED:unable to get local issuer certificate"

static struct party root, same_name, other, intermediate;
static STACK_OF(X509) * authorities;

static int setup(void **state)
{
	(void)state;
	root = party_make((struct order){ .name = "Root", .extensions = CA_EXTENSIONS });
	same_name =
		party_make((struct order){ .name = "Root", .extensions = CA_EXTENSIONS });
	other = party_make(
		(struct order){ .name = "Other", .extensions = CA_EXTENSIONS });
	intermediate = party_make((struct order){ .name = "Issuing CA 7",
		.issuer = &root,
		.serial = 2,
		.extensions = CA_EXTENSIONS });
	authorities = sk_X509_new_null();
	return sk_X509_push(authorities, root.cert) > 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	sk_X509_free(authorities);
	party_done(&root);
	party_done(&same_name);
	party_done(&other);
	party_done(&intermediate);
	return 0;
}

/* The codes of what is found, with a blank between them. */
static void expect(struct order order, const char *verify, const char *codes)
{
	struct party p = party_make(order);
	_cleanup_findings_ struct findings f = { 0 };
	char found[256] = "";

	diagnosis_make(p.cert, verify, authorities, when(NOW), &f);
	for (size_t i = 0; i < f.count; i++) {
		assert_int_equal(f.list[i].severity, SEVERITY_ERROR);
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s",
			i ? " " : "", f.list[i].reason->code);
	}
	assert_string_equal(found, codes);
	party_done(&p);
}

static void leaf_only_names_the_missing_one(void **state)
{
	struct party p = party_make((struct order){
		.name = "Leaf", .issuer = &intermediate, .extensions = CLIENT });
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	diagnosis_make(p.cert, LEAF_ONLY, authorities, when(NOW), &f);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.list[0].reason->code, "handshake.intermediate");
	assert_string_equal(f.list[0].received, "CN=Issuing CA 7");
	assert_non_null(strstr(f.list[0].message, "Leaf only"));
	assert_non_null(strstr(f.list[0].message, "CN=Issuing CA 7"));
	party_done(&p);
}

static void paths(void **state)
{
	(void)state;
	expect((struct order){ .name = "Leaf", .issuer = &other, .extensions = CLIENT },
		NO_ISSUER_SENT, "handshake.issuer");
	expect((struct order){ .name = "Leaf", .extensions = CLIENT },
		"FAILED:self-signed certificate", "handshake.self-signed");
	expect(
		(struct order){
			.name = "Leaf", .issuer = &same_name, .extensions = CLIENT },
		"FAILED:certificate signature failure", "handshake.signature");
	expect((struct order){ .name = "Leaf", .issuer = &root, .extensions = CLIENT },
		"FAILED:CA md too weak", "handshake.other");
	expect((struct order){ .name = "Leaf", .issuer = &root, .extensions = CLIENT },
		EXPIRED, "handshake.above");
}

static void dates(void **state)
{
	(void)state;
	expect((struct order){ .name = "Leaf",
		       .issuer = &root,
		       .to = "2026-05-31T23:59:59Z",
		       .extensions = CLIENT },
		EXPIRED, "handshake.expired");
	expect((struct order){ .name = "Leaf",
		       .issuer = &root,
		       .from = "2026-06-01T00:00:01Z",
		       .extensions = CLIENT },
		"FAILED:certificate is not yet valid", "handshake.not-yet");
	expect((struct order){ .name = "Leaf",
		       .issuer = &root,
		       .to = NOW,
		       .extensions = CLIENT },
		"FAILED:CA md too weak", "handshake.other");
}

static void purpose(void **state)
{
	(void)state;
	expect((struct order){ .name = "Leaf",
		       .issuer = &root,
		       .extensions = { { NID_ext_key_usage, "serverAuth" } } },
		"FAILED:unsuitable certificate purpose", "handshake.purpose");
	expect((struct order){ .name = "Leaf", .issuer = &root }, "FAILED:CA md too weak",
		"handshake.other");
}

/* Who mends one thing should not fail on the next. */
static void all_at_once(void **state)
{
	(void)state;
	expect((struct order){ .name = "Leaf",
		       .issuer = &other,
		       .to = "2026-01-01T00:00:00Z",
		       .extensions = { { NID_ext_key_usage, "serverAuth" } } },
		EXPIRED, "handshake.expired handshake.issuer handshake.purpose");
}

/* What nginx let pass and intake did not. */
static void refused_by_intake(void **state)
{
	static const struct {
		const char *code, *issuer, *found;
	} CASES[] = { { "partner.certificate", "root", "handshake.other" },
		{ "partner.certificate", "intermediate", "handshake.intermediate-here" },
		{ "partner.unknown", "root", "partner.unknown" },
		{ "partner.tls", "intermediate", "partner.tls" } };

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct party p = party_make((struct order){ .name = "Leaf",
			.issuer = strcmp(CASES[i].issuer, "root") == 0 ? &root
								       : &intermediate,
			.extensions = CLIENT });
		_cleanup_findings_ struct findings f = { 0 };

		diagnosis_refused(p.cert, CASES[i].code, "it is revoked", authorities,
			when(NOW), &f);
		assert_int_equal(f.count, 1);
		assert_int_equal(f.errors, 1);
		assert_string_equal(f.list[0].reason->code, CASES[i].found);
		if (strcmp(CASES[i].found, "handshake.other") == 0)
			assert_non_null(strstr(f.list[0].message, "it is revoked"));
		party_done(&p);
	}
}

static void nothing_to_look_at(void **state)
{
	static const struct {
		const char *verify, *code;
	} CASES[] = { { "NONE", "handshake.none" }, { "", "handshake.unreadable" },
		{ EXPIRED, "handshake.unreadable" } };

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		_cleanup_findings_ struct findings f = { 0 };

		diagnosis_make(NULL, CASES[i].verify, NULL, when(NOW), &f);
		assert_int_equal(f.count, 1);
		assert_string_equal(f.list[0].reason->code, CASES[i].code);
	}
}

static void no_authorities(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	diagnosis_make(intermediate.cert, LEAF_ONLY, NULL, when(NOW), &f);
	assert_true(findings_have(&f, "handshake.intermediate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaf_only_names_the_missing_one),
		cmocka_unit_test(paths),
		cmocka_unit_test(dates),
		cmocka_unit_test(purpose),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(refused_by_intake),
		cmocka_unit_test(nothing_to_look_at),
		cmocka_unit_test(no_authorities),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
