/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy try: one file of rules on any documents, for those who write rules.
 */
#include "ctl/bundle/policy.h"
#include "ctl/command.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"
#include "document/rule_facts.h"
#include "document/rules.h"
#include "xml/locate.h"
#include "xml/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct options {
	const char *phase;
	int64_t at;
};

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "phase", required_argument, NULL, 'p' },
		{ "at", required_argument, NULL, 'a' },
		{ 0 },
	};
	int c;

	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c == 'p')
			o->phase = optarg;
		else if (c != 'a')
			return -EINVAL;
		else if (clock_parse(optarg, &o->at) < 0)
			return command_fault("--at is no time of RFC 3339: %s", optarg);
	}
	return command_arguments(argc, argv, 2, INT_MAX, "RULES.sch or FILE");
}

static int run(const struct rules *rules, const struct options *o, struct span data,
	struct findings *findings)
{
	_cleanup_findings_ struct findings scratch = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct facts facts;
	_cleanup_xpath_ xmlXPathContext *context = NULL;
	int r = xml_read(data, XML_READ_EIDAS, findings, &doc);

	if (r <= 0)
		return r;
	/* Types are not known here; what the facts miss is not what is tried out. */
	r = facts_read(doc, &facts, &scratch);
	context = rule_context(doc, o->at);
	if (r >= 0)
		r = context ? rule_facts_use(context, &facts, "", "") : -ENOMEM;
	if (r == 0)
		r = rules_run(rules, context, findings);
	if (r == -EDOM) {
		findings_add(findings, "limit.resource", NULL, NULL, NULL);
		r = 0;
	}
	xml_locate(data, findings);
	return r;
}

static int print_line(const char *path, const struct findings *findings)
{
	_cleanup_json_ json_t *line = json_pack("{s:o, s:o}", "file", json_text(path),
		"findings", findings_to_json(findings));

	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
		return -ENOMEM;
	putchar('\n');
	return 0;
}

static enum exit_status try_file(
	const struct rules *rules, const struct options *o, const char *path)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(path, LIMIT_DOCUMENT, &data, &len);

	if (r < 0) {
		fprintf(stderr, "sealgate policy try: %s: %s\n", path, strerror(-r));
		return EXIT_USAGE;
	}
	r = run(rules, o, span_of(data, len), &findings);
	if (r < 0 || print_line(path, &findings) < 0)
		return EXIT_INTERNAL;
	return findings.errors ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

int policy_try(int argc, char **argv)
{
	struct options o = { .at = clock_now() };
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_(freep) char *error = NULL;
	int worst = EXIT_CLEAN, r;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("policy");
	xml_setup();
	r = rules_load(argv[optind], o.phase, &rules, &error);
	if (r < 0) {
		fprintf(stderr, "%s\n", error ? error : strerror(-r));
		return EXIT_NOT_PASSED;
	}
	for (int i = optind + 1; i < argc; i++) {
		int status = (int)try_file(rules, &o, argv[i]);

		worst = status > worst ? status : worst;
	}
	return worst;
}
