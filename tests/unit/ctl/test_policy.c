/* SPDX-License-Identifier: EUPL-1.2 */
/* The shipped policy proves itself by its examples; what is wrong with another is said
 * with file and line. */
#include "ctl/bundle/policy_check.h"

#include "common/buf.h"
#include "common/durable.h"
#include "ctl/instance/init.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RULES_BAR 150

static char folder[] = "/tmp/sealgate-unit-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) && init_copy_tree("policies", folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command); /* NOLINT(cert-env33-c) */
}

static const char *at(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* What lint or test says, at most so much of it. Schemas are opened before the process
 * forbids itself to open files, once: hence a process each time. Return: faults, at most
 * 100. */
static int said(int (*how)(const char *, FILE *, struct policy_checked *),
	const char *policies, char text[4000])
{
	char path[] = "/tmp/sealgate-said-XXXXXX";
	int fd = mkstemp(path), status;
	ssize_t n;
	pid_t child = fork();

	if (child == 0) {
		struct policy_checked checked;
		FILE *out = fdopen(fd, "w");
		int r = out ? how(policies, out, &checked) : -1;

		_exit(r < 0 || fclose(out)     ? 101
			: checked.faults > 100 ? 100
					       : (int)checked.faults);
	}
	assert_true(fd >= 0 && child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 100);
	n = pread(fd, text, 3999, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	unlink(path);
	return WEXITSTATUS(status);
}

static void test_shipped(void **state)
{
	struct policy_checked checked;

	(void)state;
	assert_int_equal(policy_check_test("policies", stdout, &checked), 0);
	assert_int_equal(checked.faults, 0);
	assert_true(checked.rules >= RULES_BAR);
	assert_true(checked.examples >= checked.rules);
	assert_int_equal(strlen(checked.digest), 64);
}

/* Replace the first `from` in a file of the copy, run, and put the file back. */
static void expect(int (*how)(const char *, FILE *, struct policy_checked *),
	const char *name, const char *from, const char *to, const char *part)
{
	_cleanup_(freep) uint8_t *old = NULL;
	char text[4000] = "", *place;
	struct buf b;
	size_t len;

	assert_int_equal(file_read(at(name), 1 << 20, &old, &len), 0);
	place = strstr((char *)old, from);
	if (!place)
		fail_msg("%s has no %s", name, from);
	buf_init(&b, 1 << 20);
	buf_add(&b, old, (size_t)(place - (char *)old));
	buf_add_str(&b, to);
	buf_add_str(&b, place + strlen(from));
	assert_int_equal(durable_write(at(name), buf_span(&b), 0644), 0);
	buf_done(&b);
	if (said(how, folder, text) == 0 || !strstr(text, part))
		fail_msg("%s: %s -> %s says: %s", name, from, to, text);
	assert_int_equal(durable_write(at(name), span_of(old, len), 0644), 0);
}

static void test_lint(void **state)
{
	char text[4000] = "";

	(void)state;
	assert_int_equal(said(policy_check_lint, folder, text), 0);
	expect(policy_check_lint, "types/phyto.cfg", "rules/trade.sch", "rules/none.sch",
		"none.sch");
	expect(policy_check_lint, "types/phyto.cfg", "statuses", "status",
		"phyto.cfg:10: an unknown key");
	expect(policy_check_lint, "types/intra.cfg", "attachments = {", "# {",
		"nothing about attachments in the type INTRA");
	expect(policy_check_lint, "types/intra.cfg", "kinds = true", "kinds = false",
		"kinds of attachments are believed in the type INTRA");
	expect(policy_check_lint, "types/intra.cfg", "kinds = true",
		"kinds = true; opaque = [ \"image/png\" ]",
		"intra.cfg:22: opaque names kinds");
	expect(policy_check_lint, "codes/attachments.csv", "ffd8ff", "ffd8f",
		"attachments.csv:3: begins is");
	expect(policy_check_lint, "rules/trade.sch", "SPS-16", "SPS-01",
		"two rules or checks have the id SPS-01");
	expect(policy_check_lint, "rules/ack.sch",
		" see=\"UN/CEFACT SPSAcknowledgement 17\"", "",
		"no source (see) of ACK-01");
	expect(policy_check_lint, "rules/sps.sch", "normalize-space(.)", "document('x')",
		"sps.sch:12: test: there is no function: document");
	expect(policy_check_lint, "codes/status.csv", "39,Approved", "1,Approved",
		"the code \"1\" is empty or there twice");
	expect(policy_check_lint, "codes/status.csv", "39,Approved", "39;Approved",
		"status.csv:4: the row is not as long as the header");
	assert_int_equal(
		durable_write(at("partners/x.cfg"),
			span_str("name = \"x\"; country = \"NZ\"; transport = ();"
				 "signers = (); types = ( \"NONE\" );"),
			0644),
		0);
	assert_int_equal(said(policy_check_lint, folder, text), 1);
	assert_non_null(strstr(text, "x.cfg:0: there is no document type NONE"));
	unlink(at("partners/x.cfg"));
}

/* Faults of a policy with one partner, whose file says this of what is experimental. */
static void experiments(const char *types, const char *more, int faults, const char *what)
{
	char text[4000] = "", file[400];

	(void)snprintf(file, sizeof(file),
		"name = \"x\"; country = \"NZ\"; transport = ( ); signers = ( );\n"
		"types = ( %s ); experimental = { %s };\n",
		types, more);
	assert_int_equal(durable_write(at("partners/x.cfg"), span_str(file), 0644), 0);
	assert_int_equal(said(policy_check_lint, folder, text), faults);
	if (!strstr(text, what))
		fail_msg("%s", text);
	unlink(at("partners/x.cfg"));
}

static void test_experiments(void **state)
{
	(void)state;
	experiments("\"FLEGT\", \"PHYTO\"", "types = ( \"FLEGT\" );", 0, "");
	experiments("\"PHYTO\"", "types = ( \"FLEGT\" );", 1,
		"x.cfg:0: experimental names a type not in types: FLEGT");
	experiments("\"PHYTO\"", "types = ( \"PHYTO\" );", 1,
		"x.cfg:0: experimental names a type that is not: PHYTO");
	experiments("\"PHYTO\"", "versions = ( \"16\", \"17\" );", 1,
		"x.cfg:0: experimental names a version that is not: 17");
	experiments("\"PHYTO\"", "versions = ( \"12\" );", 1,
		"x.cfg:0: experimental names a version unknown: 12");
	experiments("\"PHYTO\"", "flavours = ( \"12\" );", 1, "flavours");
}

/* Neither is linted nor goes into force: whoever would be the fifth has no courier. */
static void test_destinations(void **state)
{
	static const char TEXT[] =
		"protocol = \"push\"; url = \"https://127.0.0.1:1/\"; concurrency = 64;"
		"information = \"advance\"; submit = { id_member = \"id\"; };\n";
	static const char WHY[] = "d1.cfg:1: all destinations together need 320 couriers";
	char text[4000] = "", name[64];

	(void)state;
	assert_true(mkdir(at("routes/destinations"), 0755) == 0 || errno == EEXIST);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(said(policy_check_lint, folder, text), 0);
		(void)snprintf(name, sizeof(name), "routes/destinations/d%d.cfg", i);
		assert_int_equal(durable_write(at(name), span_str(TEXT), 0644), 0);
	}
	assert_int_equal(said(policy_check_lint, folder, text), 1);
	assert_non_null(strstr(text, WHY));
	assert_int_equal(said(policy_check_test, folder, text), 1);
	assert_non_null(strstr(text, WHY));
	for (int i = 1; i <= 5; i++) {
		(void)snprintf(name, sizeof(name), "routes/destinations/d%d.cfg", i);
		unlink(at(name));
	}
}

static void test_examples(void **state)
{
	(void)state;
	expect(policy_check_test, "rules/trade.sch",
		"ram:ItemQuantity = floor(ram:ItemQuantity)", "true()", "");
	expect(policy_check_test, "examples/ack.cfg", "\"ACK-01\"", "\"ACK-02\"",
		"ack.cfg:8: must find ACK-02, finds ACK-01");
	expect(policy_check_test, "examples/ack.cfg", "remove = \"", "remove = \"/x",
		"ack.cfg:");
	expect(policy_check_test, "examples/ack.cfg", "fails = ( \"ACK-01\" );", "",
		"an example has either fails or passes");
	/* A rule that nothing shows. */
	expect(policy_check_test, "rules/ack.sch",
		"<rule context=\"ram:ReasonInformation\">",
		"<rule context=\"ram:ReasonInformation\">"
		"<assert id=\"ACK-99\" test=\"true()\">A document has a title.</assert>",
		"no failing example of ACK-99");
	expect(policy_check_test, "rules/ack.sch",
		"<rule context=\"ram:ReasonInformation\">",
		"<rule context=\"ram:None\">"
		"<assert id=\"ACK-99\" test=\"false()\">A document has a "
		"title.</assert></rule>"
		"<rule context=\"ram:ReasonInformation\">",
		"no failing example of ACK-99");
}

/* A rule without an end is stopped while the examples run, not at the gate. */
static void test_endless(void **state)
{
	(void)state;
	expect(policy_check_test, "rules/ack.sch", "normalize-space(.) != ''",
		"//*[//*[//*[//*[//*[//*[//*[//*[//*[//*[not(//*)]]]]]]]]]]",
		"limit.resource");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lint),
		cmocka_unit_test(test_experiments),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
