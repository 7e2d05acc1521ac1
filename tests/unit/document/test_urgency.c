/* SPDX-License-Identifier: EUPL-1.2 */
/* What of a type goes first, and when its consignment is expected. */
#include "document/urgency.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1780660800)
#define HOUR INT64_C(3600)

struct given {
	config_t config;
	struct prefixes prefixes;
	struct rule_compiler *compiler;
	struct urgency_rules rules;
	const char *why;
};

/* Return: as urgency_read. */
static int give(struct given *g, const char *text)
{
	memset(g, 0, sizeof(*g));
	config_init(&g->config);
	assert_int_equal(config_read_string(&g->config, text), CONFIG_TRUE);
	g->compiler = rule_compiler_new(&g->prefixes);
	assert_non_null(g->compiler);
	return urgency_read(
		config_lookup(&g->config, "urgency"), g->compiler, &g->rules, &g->why);
}

static void done(struct given *g)
{
	urgency_done(&g->rules);
	rule_compiler_free(g->compiler);
	config_destroy(&g->config);
}

static struct urgency_found find(
	const struct given *g, const char *xml, const struct facts *facts)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, XML_PARSE_NONET);
	xmlXPathContext *context = rule_context(doc, NOW);
	struct urgency_found found;

	assert_non_null(context);
	urgency_of(&g->rules, context, doc, facts, NOW, &found);
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return found;
}

static void the_first_rule_that_holds(void **state)
{
	static const struct facts NONE;
	struct given g;

	(void)state;
	assert_int_equal(
		give(&g, "urgency = { rules = ( { is = \"A\"; when = \"/t/live\"; },"
			 " { is = \"C\"; when = \"/t/wood\"; } ); };"),
		0);
	assert_string_equal(find(&g, "<t><live/><wood/></t>", &NONE).letter, "A");
	assert_string_equal(find(&g, "<t><wood/></t>", &NONE).letter, "C");
	assert_string_equal(find(&g, "<t/>", &NONE).letter, "B");
	done(&g);
	assert_int_equal(give(&g, "urgency = { rules = ( { is = \"C\"; } ); };"), 0);
	assert_string_equal(find(&g, "<t/>", &NONE).letter, "C");
	done(&g);
	assert_int_equal(give(&g, "x = 1;"), 0);
	assert_string_equal(find(&g, "<t/>", &NONE).letter, "B");
	done(&g);
}

/* Named, by departure, or by now; and never outside the bounds. */
static void when_it_is_expected(void **state)
{
	struct given g;
	struct facts f = { 0 };

	(void)state;
	assert_int_equal(give(&g, "urgency = { transit_h = 24; bound_h = 100; };"), 0);
	assert_true(find(&g, "<t/>", &f).expected == NOW + 24 * HOUR);
	f.departure = NOW - 10 * HOUR;
	assert_true(find(&g, "<t/>", &f).expected == NOW + 14 * HOUR);
	f.arrival = NOW + 3 * HOUR;
	assert_true(find(&g, "<t/>", &f).expected == NOW + 3 * HOUR);
	f.arrival = NOW + 101 * HOUR;
	assert_true(find(&g, "<t/>", &f).expected == NOW + 100 * HOUR);
	f.arrival = 1;
	assert_true(find(&g, "<t/>", &f).expected == NOW - 100 * HOUR);
	f.arrival = INT64_MAX;
	assert_true(find(&g, "<t/>", &f).expected == NOW + 100 * HOUR);
	done(&g);
}

static void what_is_not_a_group_of_rules(void **state)
{
	static const char *const BAD[] = {
		"urgency = 3;",
		"urgency = { transit_h = 0; };",
		"urgency = { transit_h = 8785; };",
		"urgency = { bound_h = \"1\"; };",
		"urgency = { other = 1; };",
		"urgency = { rules = [ \"A\" ]; };",
		"urgency = { rules = ( \"A\" ); };",
		"urgency = { rules = ( { is = \"D\"; } ); };",
		"urgency = { rules = ( { is = \"AB\"; } ); };",
		"urgency = { rules = ( { when = \"/t\"; } ); };",
		"urgency = { rules = ( { is = \"A\"; when = 3; } ); };",
		"urgency = { rules = ( { is = \"A\"; when = \"/t[\"; } ); };",
		"urgency = { rules = ( { is = \"A\"; when = \"document('x')\"; } ); };",
		"urgency = { rules = ( { is = \"A\"; but = \"/t\"; } ); };",
		"urgency = { rules = ( {is=\"A\";}, {is=\"A\";}, {is=\"A\";}, "
		"{is=\"A\";},"
		" {is=\"A\";}, {is=\"A\";}, {is=\"A\";}, {is=\"A\";}, {is=\"A\";} ); };",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct given g;

		if (give(&g, BAD[i]) != -EINVAL || !g.why || !*g.why)
			fail_msg("%s", BAD[i]);
		done(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_holds),
		cmocka_unit_test(when_it_is_expected),
		cmocka_unit_test(what_is_not_a_group_of_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
