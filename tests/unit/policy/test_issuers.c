/* SPDX-License-Identifier: EUPL-1.2 */
/* Signers enrolled by who issued their certificate, and certificates taken off. */
#include "policy/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admission.h"

#define ISSUER                                                                           \
	"issuers = ( { sha256 = \"%s\"; organisation = \"Ministry\"; role = \"%s\"; "    \
	"name = \"Any inspector\"; } ); %s"

/* The partner's file with an issuer of that digest in a role, and more. */
static struct wish enrolled(const char *issuer, const char *role, const char *more)
{
	static char text[1000];

	(void)snprintf(text, sizeof(text), ISSUER, issuer, role, more);
	return (struct wish){ .more = text };
}

/* The vector, signed by somebody and sealed by the enrolled authority. */
static struct buf signed_by(const struct holder *officer)
{
	struct buf b = vector();

	sign(&b, officer, XADES_ENVELOPED, "officer");
	sign(&b, &house.seal, XADES_COUNTER, "seal");
	return b;
}

static void test_by_issuer(void **state)
{
	struct holder inspector = holder_new("Inspector 8/O=Ministry", &house.ca);
	_cleanup_buf_ struct buf b = signed_by(&inspector);
	char removed[100];

	(void)state;
	refused(judge(&b, USUAL), "partner.signer-unknown", false);
	decided(judge(&b, enrolled(house.ca.sha256, "officer", "")), DECISION_ACCEPTED);
	/* In the role that is enrolled, and in no other. */
	refused(judge(&b, enrolled(house.ca.sha256, "seal", "")),
		"partner.officer-missing", true);
	/* Another issuer; the certificate itself is none. */
	refused(judge(&b, enrolled(house.seal.sha256, "officer", "")),
		"partner.signer-unknown", false);
	refused(judge(&b, enrolled(inspector.sha256, "officer", "")),
		"partner.signer-unknown", false);
	/* Off-boarded: the issuer is still enrolled. */
	(void)snprintf(
		removed, sizeof(removed), "removed = ( \"%s\" );", inspector.sha256);
	refused(judge(&b, enrolled(house.ca.sha256, "officer", removed)),
		"partner.signer-unknown", false);
	holder_free(&inspector);
}

static void test_other_organisations(void **state)
{
	static const char *const NAMES[] = { "Inspector 8", "Inspector 8/O=Ministr",
		"Inspector 8/O=Ministry2", "Inspector 8/O=Trader/O=Ministry",
		"Inspector 8/O=Ministry/O=Ministry", "Ministry" };

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		struct holder other = holder_new(NAMES[i], &house.ca);
		_cleanup_buf_ struct buf b = signed_by(&other);

		refused(judge(&b, enrolled(house.ca.sha256, "officer", "")),
			"partner.signer-unknown", false);
		holder_free(&other);
	}
}

/* An issuer that does not lead to an anchor proves nothing. */
static void test_false_issuer(void **state)
{
	struct holder ca = holder_new("Authority (TEST)", NULL);
	struct holder inspector = holder_new("Inspector 8/O=Ministry", &ca);
	_cleanup_buf_ struct buf b = signed_by(&inspector);
	struct result r = judge(&b, enrolled(house.ca.sha256, "officer", ""));

	(void)state;
	assert_int_equal(r.verdict.decision, DECISION_REFUSED);
	assert_true(errors_of(&r, "sig.path") > 0);
	json_decref(r.report);
	r = judge(&b, enrolled(ca.sha256, "officer", ""));
	assert_int_equal(r.verdict.decision, DECISION_REFUSED);
	assert_true(errors_of(&r, "sig.path") > 0);
	json_decref(r.report);
	holder_free(&inspector);
	holder_free(&ca);
}

/* A key, whatever certificate it has: a renewed one needs no new policy. Off-boarded by
 * the digest of either. */
static void test_by_key(void **state)
{
	struct holder inspector = holder_new("Inspector 9", &house.ca);
	_cleanup_buf_ struct buf b = signed_by(&inspector);
	char key[SHA256_TEXT_SIZE], more[400];
	const char *const REMOVED[] = { key, inspector.sha256 };

	(void)state;
	assert_int_equal(pki_certificate_key_sha256(inspector.certificate, key), 0);
	refused(judge(&b, USUAL), "partner.signer-unknown", false);
	(void)snprintf(extra_signer, sizeof(extra_signer),
		"{ key = \"%s\"; role = \"officer\"; name = \"Inspector 9\"; },", key);
	decided(judge(&b, USUAL), DECISION_ACCEPTED);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(more, sizeof(more), "removed = ( \"%s\" );", REMOVED[i]);
		refused(judge(&b, (struct wish){ .more = more }),
			"partner.signer-unknown", false);
	}
	(void)snprintf(extra_signer, sizeof(extra_signer),
		"{ key = \"%s\"; role = \"officer\"; name = \"Inspector 9\"; },",
		inspector.sha256); /* of the certificate: no key's */
	refused(judge(&b, USUAL), "partner.signer-unknown", false);
	*extra_signer = '\0';
	holder_free(&inspector);
}

static const char *stopped_elsewhere = "";

static void enrol_elsewhere(const char *what, const char *digest)
{
	put("partners/other.cfg",
		"name = \"other\"; country = \"KE\"; transport = ( ); signers = ( "
		"{ %s = \"%s\"; role = \"officer\"; name = \"N\"; } );\n"
		"types = ( \"PHYTO\" ); %s\n",
		what, digest, stopped_elsewhere);
}

static void leave_elsewhere(void)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/partners/other.cfg", house.dir);
	assert_int_equal(unlink(path), 0);
}

static bool says(const struct buf *b, const char *text)
{
	struct result r = judge(b, USUAL);
	_cleanup_(freep) char *report = json_dumps(r.report, JSON_COMPACT);
	bool found = report && strstr(report, text);

	json_decref(r.report);
	return found;
}

/* One partner has the certificate and another one its key: neither can be told from the
 * other's file, and none of them may have what it signs. */
static void test_enrolled_with_two(void **state)
{
	struct holder inspector = holder_new("Inspector 10", &house.ca);
	_cleanup_buf_ struct buf b = signed_by(&inspector), usual = vector();
	char key[SHA256_TEXT_SIZE], named[160];

	(void)state;
	complete(&usual);
	assert_int_equal(pki_certificate_key_sha256(house.officer.certificate, key), 0);
	decided(judge(&usual, USUAL), DECISION_ACCEPTED);
	enrol_elsewhere("key", key);
	refused(judge(&usual, USUAL), "partner.signer-unknown", false);
	assert_true(says(&usual, "is enrolled with another partner, too"));
	/* What one person stopped there does not count here. */
	(void)snprintf(named, sizeof(named), "removed = ( \"%s\" );", key);
	stopped_elsewhere = named;
	enrol_elsewhere("key", key);
	decided(judge(&usual, USUAL), DECISION_ACCEPTED);
	stopped_elsewhere = "";
	assert_int_equal(pki_certificate_key_sha256(inspector.certificate, key), 0);
	enrol_elsewhere("key", key); /* of somebody who signed nothing here */
	decided(judge(&usual, USUAL), DECISION_ACCEPTED);
	/* Who is enrolled with others only is unknown, by name and by key. */
	(void)snprintf(named, sizeof(named), ", with the key %s is not enrolled", key);
	assert_true(says(&b, named));
	(void)snprintf(extra_signer, sizeof(extra_signer),
		"{ key = \"%s\"; role = \"officer\"; name = \"Inspector 10\"; },", key);
	enrol_elsewhere("sha256", inspector.sha256);
	refused(judge(&b, USUAL), "partner.signer-unknown", false);
	leave_elsewhere();
	decided(judge(&b, USUAL), DECISION_ACCEPTED);
	(void)snprintf(named, sizeof(named), "\"key_sha256\":\"%s\"", key);
	assert_true(says(&b, named));
	*extra_signer = '\0';
	holder_free(&inspector);
}

static void test_removed_beside_its_own_enrolment(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	char removed[100];

	(void)state;
	complete(&b);
	(void)snprintf(
		removed, sizeof(removed), "removed = ( \"%s\" );", house.seal.sha256);
	refused(judge(&b, (struct wish){ .more = removed }), "partner.signer-unknown",
		false);
}

static void bad(const char *more, const char *why)
{
	struct policy *p = NULL;
	char *error = NULL;

	put("partners/bad.cfg",
		"name = \"bad\"; country = \"KE\"; transport = ( ); signers = ( ); "
		"types = ( \"PHYTO\" ); %s\n",
		more);
	assert_true(policy_load(house.dir, &p, &error) < 0);
	assert_non_null(error);
	if (!strstr(error, why))
		fail_msg("%s", error);
	free(error);
}

#define D64 "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define ONE(role)                                                                        \
	"{ sha256 = \"" D64 "\"; organisation = \"O\"; role = \"" role                   \
	"\"; name = \"N\"; }"

static void test_bad_files(void **state)
{
	(void)state;
	bad("issuers = ( { sha256 = \"" D64 "\"; role = \"seal\"; name = \"N\"; } );",
		"organisation is missing");
	bad("issuers = ( " ONE("boss") " );", "role cannot be");
	bad("issuers = ( " ONE("seal") ", " ONE("officer") " );", "enrolled twice");
	bad("issuers = ( { sha256 = \"dd\"; organisation = \"O\"; role = \"seal\"; "
	    "name = \"N\"; } );",
		"is not a SHA-256");
	bad("removed = ( \"x\" );", "is not a SHA-256");
	bad("transport_dated = ( { sha256 = \"" D64 "\"; } );", "from, until or both");
	bad("transport_dated = ( { sha256 = \"" D64 "\"; until = \"tomorrow\"; } );",
		"until is a time of RFC 3339");
	bad("transport_dated = ( { sha256 = \"" D64
	    "\"; from = \"2026-02-01T00:00:00Z\"; until = \"2026-01-01T00:00:00Z\"; } );",
		"from is not before until");
	bad("transport_dated = ( { sha256 = \"" D64
	    "\"; from = \"2026-02-01T00:00:00Z\"; }, { sha256 = \"" D64
	    "\"; until = \"2026-01-01T00:00:00Z\"; } );",
		"enrolled twice");
	bad("contacts = ( { name = \"Duty desk\"; } );", "email or a phone");
	bad("contacts = ( { email = \"a@b.example\"; } );", "name is missing");
	bad("language = \"FR\";", "language is a word like");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_issuer),
		cmocka_unit_test(test_other_organisations),
		cmocka_unit_test(test_false_issuer),
		cmocka_unit_test(test_by_key),
		cmocka_unit_test(test_enrolled_with_two),
		cmocka_unit_test(test_removed_beside_its_own_enrolment),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
