/* SPDX-License-Identifier: EUPL-1.2 */
/* The policy loader: what it reads, and that it names file and line of what it refuses.
 */
#include "tree.h"

static void test_good(void **state)
{
	_cleanup_(policy_freep) struct policy *p = load(*state);
	const struct partner *ke = policy_partner(p, "ke");

	assert_non_null(ke);
	assert_string_equal(ke->country, "KE");
	assert_string_equal(ke->kind, "authority");
	assert_false(ke->suspended);
	assert_ptr_equal(policy_partner_by_certificate(p, A64), ke);
	assert_null(policy_partner_by_certificate(p, C64));
	assert_null(policy_partner(p, "KE"));
	assert_string_equal(policy_signer(ke, C64)->role, "officer");
	assert_string_equal(policy_signer(ke, D64)->role, "seal");
	assert_null(policy_signer(ke, A64));
	assert_int_equal(ke->priority, 1);
	assert_true(policy_partner_may_send(ke, "PHYTO"));
	assert_false(policy_partner_may_send(ke, "IMPORT"));
}

static void test_operators(void **state)
{
	_cleanup_(policy_freep) struct policy *p = load(*state);

	assert_string_equal(policy_operator_by_certificate(p, B64)->name, "Officer One");
	assert_null(policy_operator_by_certificate(p, A64));
	assert_true(policy_role_may(p, "operator", "hold"));
	assert_false(policy_role_may(p, "viewer", "hold"));
	assert_false(policy_role_may(p, "auditor", "view"));
	assert_false(policy_role_may(p, "nobody", "view"));
}

static void test_routes(void **state)
{
	_cleanup_(policy_freep) struct policy *p = load(*state);
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];

	assert_int_equal(policy_route(p, "PHYTO", "NL", names), 2);
	assert_string_equal(names[0], "traces");
	assert_string_equal(names[1], "customs-nl");
	assert_int_equal(policy_route(p, "PHYTO", "FR", names), 1);
	assert_string_equal(names[0], "traces");
	assert_int_equal(policy_route(p, "COI", "NL", names), 1);
}

/* Files are read in the order of their names, and the first rule that matches decides. */
static void test_route_order(void **state)
{
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	struct policy *p;

	put(*state, "routes/05.cfg",
		"rules = ( { types = (\"PHYTO\"); import_countries = (\"NL\");"
		" destinations = (\"customs-nl\"); } );");
	p = load(*state);
	assert_int_equal(policy_route(p, "PHYTO", "NL", names), 1);
	assert_string_equal(names[0], "customs-nl");
	policy_free(p);
	put(*state, "routes/05.cfg", "rules = ( );");
	put(*state, "routes/10.cfg", "rules = ( );");
	p = load(*state);
	assert_int_equal(policy_route(p, "PHYTO", "NL", names), 0);
	policy_free(p);
}

static void test_hold(void **state)
{
	_cleanup_(policy_freep) struct policy *p = load(*state);

	assert_int_equal(policy_degraded(p, DEGRADED_CRL)->mode, DEGRADED_HOLD);
	assert_int_equal(policy_degraded(p, DEGRADED_OCSP)->seconds, 3600);
	assert_int_equal(policy_degraded(p, DEGRADED_TSA)->mode, DEGRADED_REFUSE);
}

static void test_degraded(void **state)
{
	const struct tree *t = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct degraded_rule tsa;
	char *error = NULL, path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/degraded/revocation.cfg", t->dir);
	assert_int_equal(unlink(path), 0);
	put(t, "degraded/crl.cfg", "mode = \"grace\"; seconds = 600;");
	put(t, "degraded/tsa.cfg", "mode = \"hold\"; seconds = 60;");
	put(t, "degraded/lists.cfg", "mode = \"refuse\";");
	p = load(t);
	assert_int_equal(policy_degraded(p, DEGRADED_CRL)->mode, DEGRADED_GRACE);
	assert_int_equal(policy_degraded(p, DEGRADED_CRL)->seconds, 600);
	assert_int_equal(policy_degraded(p, DEGRADED_OCSP)->mode, DEGRADED_REFUSE);
	assert_int_equal(policy_degraded(p, DEGRADED_LISTS)->mode, DEGRADED_REFUSE);
	assert_int_equal(degraded_read(t->dir, DEGRADED_TSA, &tsa, &error), 0);
	assert_int_equal(tsa.mode, DEGRADED_HOLD);
	assert_int_equal(tsa.seconds, 60);
}

static void test_nothing_is_nobody(void **state)
{
	struct tree empty = { "/tmp/policy-XXXXXX" };
	struct policy *p;

	(void)state;
	assert_non_null(mkdtemp(empty.dir));
	p = load(&empty);
	assert_null(policy_partner_by_certificate(p, A64));
	assert_false(policy_role_may(p, "operator", "view"));
	assert_int_equal(policy_degraded(p, DEGRADED_CRL)->mode, DEGRADED_REFUSE);
	policy_free(p);
	assert_int_equal(rmdir(empty.dir), 0);
}

static void test_absent_tree(void **state)
{
	_cleanup_(freep) char *error = NULL;
	struct policy *p = NULL;

	(void)state;
	assert_int_equal(policy_load("/nonexistent", &p, &error), -ENOENT);
	assert_non_null(error);
}

struct bad {
	const char *name, *text, *what;
};

static const struct bad BAD[] = {
	{ "partners/ke.cfg", PARTNER "sspended = true;\n", ":7: sspended is not" },
	{ "partners/ke.cfg", "name = 5;\n", ":1: name must be a string" },
	{ "partners/ke.cfg", "name = \"ke\";\n", "country is missing" },
	{ "partners/ke.cfg", PARTNER "suspended = 1;\n",
		":7: suspended must be true or false" },
	{ "partners/ke.cfg", PARTNER "kind = \"friend\";\n", "kind cannot be" },
	{ "partners/ke.cfg", PARTNER "\n@include \"x.cfg\"\n",
		":8: @include is not allowed" },
	{ "partners/ke.cfg", "name = \"ke\"\nname = \"ke\";\n", ":2: duplicate" },
	{ "partners/ke.cfg",
		PARTNER "qualification = ( { types = ( \"*\" ); seal = \"best\"; } );\n",
		":7: seal is advanced" },
	{ "partners/ke.cfg",
		PARTNER "qualification = ( { types = ( \"*\" ); officer = \"advanced\";"
			" seal_carries = true; } );\n",
		":7: with seal_carries no level of an officer" },
	{ "partners/ke.cfg", PARTNER "status_of = { issued_by = ( \"NZ\" ); };\n",
		"bound_for is missing" },
	{ "partners/ke.cfg",
		PARTNER "status_of = { issued_by = ( \"NZ\" ); bound_for = ( ); };\n",
		":7: bound_for has 1 to 32 elements" },
	{ "partners/ke.cfg",
		PARTNER
		"status_of = { issued_by = ( \"nz\" ); bound_for = ( \"*\" ); };\n",
		":7: \"nz\" is not a country" },
	{ "partners/ke.cfg", PARTNER "priority = 0;\n", ":7: priority is 1 to 16" },
	{ "partners/ke.cfg", PARTNER "priority = 17;\n", ":7: priority is 1 to 16" },
	{ "partners/ke.cfg", "name = ;\n", ":1: " },
	{ "partners/ke.cfg", PARTNER_OF("ke", "ke", A64, SIGNERS),
		":2: \"ke\" is not a country" },
	{ "partners/ke.cfg", PARTNER_OF("ke", "KEN", A64, SIGNERS), "is not a country" },
	{ "partners/ke.cfg", PARTNER_OF("ke/../x", "KE", A64, SIGNERS), ":1: " },
	{ "partners/ke.cfg", PARTNER_OF("", "KE", A64, SIGNERS),
		":1: the text is empty" },
	{ "partners/ke.cfg", PARTNER_OF("other", "KE", A64, SIGNERS),
		"must be named other.cfg" },
	{ "partners/ke.cfg", PARTNER_OF("ke", "KE", "aa", SIGNERS),
		":3: \"aa\" is not a SHA-256" },
	{ "partners/ke.cfg", PARTNER_OF("ke", "KE", A64 "a", SIGNERS),
		"is not a SHA-256" },
	{ "partners/ke.cfg", PARTNER_OF("ke", "KE", A64 "\", \"" A64, SIGNERS),
		"enrolled twice" },
	{ "partners/ke.cfg",
		PARTNER_OF("ke", "KE", A64,
			"signers = ( { sha256 = \"" C64
			"\"; role = \"boss\"; name = \"x\"; } );"),
		"role cannot be" },
	{ "partners/ke.cfg",
		PARTNER_OF("ke", "KE", A64,
			"signers = ( { sha256 = \"" C64
			"\"; role = \"seal\"; name = \"x\"; }, { sha256 = \"" C64
			"\"; role = \"officer\"; name = \"y\"; } );"),
		"enrolled twice" },
	{ "partners/ke.cfg",
		PARTNER_OF("ke", "KE", A64,
			"signers = ( { sha256 = \"" C64 "\"; role = \"seal\"; } );"),
		"name is missing" },
	{ "partners/ke.cfg",
		PARTNER_OF("ke", "KE", A64,
			"signers = ( { sha256 = \"" C64 "\"; key = \"" C64
			"\"; role = \"seal\"; name = \"x\"; } );"),
		"and not both" },
	{ "partners/ke.cfg",
		PARTNER_OF("ke", "KE", A64,
			"signers = ( { role = \"seal\"; name = \"x\"; } );"),
		"sha256 (of its certificate) or key" },
	{ "partners/ke.cfg",
		PARTNER_OF("ke", "KE", A64,
			"signers = ( { key = \"" C64
			"\"; role = \"seal\"; name = \"x\"; }, { key = \"" C64
			"\"; role = \"officer\"; name = \"y\"; } );"),
		"signer key" },
	{ "partners/ke.cfg", PARTNER_OF("ke", "KE", A64, "signers = ( \"" C64 "\" );"),
		"signers must be a list of groups" },
	{ "partners/uk.cfg", PARTNER_OF("uk", "GB", A64, "signers = ( );"),
		"enrolled twice" },
	{ "partners/uk.cfg", PARTNER_OF("uk", "GB", B64, SIGNERS), "enrolled twice" },
	{ "partners/KE.cfg", PARTNER_OF("ke", "GB", B64, "signers = ( );"), "" },
	{ "partners/ke.cfg", PARTNER_OF("ke", "KE", A64, SIGNERS "types = ( \"X\" );"),
		":6: dup" },
	{ "customs/be-2.cfg",
		"name = \"be-2\";\ndestination = \"customs-be\";\ntransport = ( );\n",
		"is another office's" },
	{ "routes/10.cfg",
		"rules = ( { types = (\"A\"); import_countries = (\"NL\");\n"
		" destinations = (\"nowhere\"); } );",
		":2: there is no routes/destinations/nowhere" },
	{ "routes/10.cfg",
		"rules = ( { types = (\"A\"); import_countries = (\"nl\");\n"
		" destinations = (\"traces\"); } );",
		":1: \"nl\" is not a country" },
	{ "routes/10.cfg",
		"rules = ( { types = ( ); import_countries = (\"NL\");\n"
		" destinations = (\"traces\"); } );",
		":1: types is empty" },
	{ "routes/10.cfg",
		"rules = ( { types = (\"A\", \"A\"); import_countries = (\"NL\");\n"
		" destinations = (\"traces\"); } );",
		":1: \"A\" is there twice" },
	{ "routes/10.cfg", "rules = { };", "rules must be a list of groups" },
	{ "operators.cfg",
		"people = ( { name = \"A\"; sha256 = \"" B64 "\"; role = \"king\"; } );\n"
		"roles = { };",
		":1: role cannot be \"king\"" },
	{ "operators.cfg",
		"people = ( { name = \"A\"; sha256 = \"" B64 "\"; role = \"viewer\"; },\n"
		" { name = \"B\"; sha256 = \"" B64
		"\"; role = \"viewer\"; } );\nroles = { };",
		":2: certificate" },
	{ "operators.cfg",
		"people = ( { name = \"A\"; sha256 = \"" B64 "\"; role = \"viewer\"; },\n"
		" { name = \"A\"; sha256 = \"" C64
		"\"; role = \"viewer\"; } );\nroles = { };",
		":2: A is there twice" },
	{ "operators.cfg", "people = ( );\nroles = { king = ( \"hold\" ); };",
		":2: king is not" },
	{ "operators.cfg", "people = ( );\nroles = { viewer = \"hold\"; };",
		":2: viewer must be" },
	/* Setting a token up takes two people, whatever a policy says. */
	{ "operators.cfg", "people = ( );\nroles = { key-custodian = ( \"keys\" ); };",
		":2: the verb \"keys\" takes two people" },
	{ "operators.cfg",
		"people = ( );\nroles = { viewer = ( \"view\", \"keys\" ); };\n"
		"four_eyes = ( \"machine\" );",
		":2: the verb \"keys\" takes two people" },
	{ "operators.cfg",
		"people = ( );\nroles = { };\nrelease_review = { roles = ( ); };",
		":3: nobody could confirm a release" },
	{ "operators.cfg",
		"people = ( );\nroles = { };\nrelease_review = { roles = ( \"king\" ); "
		"};",
		":3: role cannot be \"king\"" },
	{ "operators.cfg",
		"people = ( );\nroles = { };\n"
		"release_review = { roles = ( \"viewer\" ); hours = 721; };",
		":3: hours must be 1 to 720" },
	{ "degraded/revocation.cfg", "hold = { REVOKED = 3600; };",
		":1: REVOKED is not" },
	{ "degraded/revocation.cfg", "hold = { TRY_LATER = 5; };",
		":1: TRY_LATER must be 60 to" },
	{ "degraded/revocation.cfg", "hold = { TRY_LATER = \"1h\"; };",
		"must be an integer" },
	{ "degraded/crl.cfg", "mode = \"hope\";", ":1: mode is" },
	{ "degraded/ocsp.cfg", "mode = \"hold\";", ":1: hold and grace need" },
	{ "degraded/tsa.cfg", "mode = \"refuse\"; seconds = 60;", ":1: hold and" },
	{ "degraded/clock.cfg", "mode = \"grace\";\nseconds = 59;", ":2: seconds must" },
	{ "degraded/lists.cfg", "seconds = 60;", "mode is missing" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct tree *t = *state;

		refused(t, BAD[i].name, BAD[i].text, BAD[i].what);
		tree_remove(state);
		tree_new(state);
	}
}

static void test_zero_octet(void **state)
{
	_cleanup_(freep) char *error = NULL;
	struct policy *p = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/partners/ke.cfg", ((struct tree *)*state)->dir);
	assert_int_equal(durable_write(path, span_of("a = 1;\n\0b", 9), 0644), 0);
	assert_int_equal(policy_load(((struct tree *)*state)->dir, &p, &error), -EINVAL);
	assert_non_null(strstr(error, "ke.cfg:2: an octet is zero"));
}

/* The digest is what coreutils compute. */
static void test_digest(void **state)
{
	_cleanup_(policy_freep) struct policy *p = load(*state);
	const struct tree *t = *state;
	char command[512], line[128] = "";
	FILE *out;

	snprintf(command, sizeof(command),
		"cd %s && find . -type f -printf '%%P\\n' | LC_ALL=C sort | "
		"xargs -d '\\n' sha256sum | sha256sum",
		t->dir);
	out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	pclose(out);
	line[64] = '\0';
	assert_string_equal(policy_digest(p), line);
}

static void test_digest_changes(void **state)
{
	_cleanup_(policy_freep) struct policy *before = load(*state);
	struct policy *after;

	put(*state, "partners/README.md", "not policy!");
	after = load(*state);
	assert_string_not_equal(policy_digest(before), policy_digest(after));
	policy_free(after);
}

static void test_stamp(void **state)
{
	const struct tree *t = *state;
	uint64_t before = policy_stamp(t->dir);
	uint64_t after;

	assert_int_not_equal(before, 0);
	assert_true(policy_stamp(t->dir) == before);
	put(t, "degraded/revocation.cfg", "hold = { TRY_LATER = 3600; };\n");
	after = policy_stamp(t->dir);
	assert_false(after == before);
	put(t, "routes/more.md", "");
	assert_false(policy_stamp(t->dir) == after);
	assert_true(policy_stamp("/nonexistent") == 0);
}

/* The files that come with the project load, and admit nobody. */
static void test_shipped(void **state)
{
	_cleanup_(freep) char *error = NULL;
	_cleanup_(policy_freep) struct policy *p = NULL;

	(void)state;
	if (policy_load("policies", &p, &error) < 0)
		fail_msg("%s", error);
	assert_true(policy_role_may(p, "operator", "release"));
	assert_int_equal(policy_review_seconds(p), 24 * 3600);
	assert_true(policy_may_review(p, "operator"));
	assert_true(policy_may_review(p, "policy-officer"));
	assert_false(policy_may_review(p, "viewer"));
	assert_int_equal(policy_degraded(p, DEGRADED_CRL)->mode, DEGRADED_REFUSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tree_new, tree_remove)

#define VERSION(time)                                                                    \
	"name = \"16\"; sunset = \"" time "\"; experimental = true;\n"                   \
	"namespaces = ( { of = \"urn:16\"; as = \"urn:17\"; } );\n"

static void test_sunsets(void **state)
{
	const struct tree *t = *state;
	struct policy_version version;
	struct policy *p;

	folder(t, "types");
	put(t, "types/a.cfg", "name = \"A\"; root = \"r\"; experimental = true;\n");
	put(t, "types/b.cfg", "name = \"B\"; sunset = \"2027-01-01T00:00:00Z\";\n");
	p = load(t);
	assert_null(policy_sunset(p, "A"));
	assert_null(policy_sunset(p, "C"));
	assert_true(policy_type_experimental(p, "A"));
	assert_false(policy_type_experimental(p, "B"));
	assert_false(policy_type_experimental(p, "C"));
	assert_string_equal(policy_sunset(p, "B"), "2027-01-01T00:00:00Z");
	policy_free(p);
	folder(t, "versions");
	put(t, "versions/s.cfg", VERSION("2027-01-01T00:00:00Z"));
	p = load(t);
	assert_int_equal(policy_version_count(p), 1);
	policy_version(p, 0, &version);
	assert_string_equal(version.name, "16");
	assert_string_equal(version.root, "urn:16");
	assert_string_equal(version.sunset, "2027-01-01T00:00:00Z");
	assert_true(version.experimental);
	policy_free(p);
	refused(t, "versions/s.cfg", VERSION("soon"), "s.cfg:1: sunset");
	put(t, "versions/s.cfg", VERSION("2027-01-01T00:00:00Z"));
	refused(t, "types/b.cfg", "name = \"B\";\nsunset = \"soon\";\n",
		"b.cfg:2: sunset");
	refused(t, "types/b.cfg", "sunset = \"2027-01-01T00:00:00Z\";\n",
		"name is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_good), TEST(test_operators),
		TEST(test_routes), TEST(test_route_order), TEST(test_hold),
		TEST(test_degraded), TEST(test_sunsets), TEST(test_bad),
		TEST(test_zero_octet), TEST(test_digest), TEST(test_digest_changes),
		TEST(test_stamp), cmocka_unit_test(test_nothing_is_nobody),
		cmocka_unit_test(test_absent_tree), cmocka_unit_test(test_shipped) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
