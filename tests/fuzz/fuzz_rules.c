/* SPDX-License-Identifier: EUPL-1.2 */
/* The reader of rules (Schematron and its expressions): what it takes can be evaluated on
 * a document, within its bounds, and what it does not take it says why. */
#include "common/memfd.h"
#include "document/rule_facts.h"
#include "document/rules.h"
#include "tests/fuzz/target.h"
#include "xml/reader.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define AT 1781000000 /* 2026-06-09 */

EMBED(example, "policies/examples/ack.xml");

static xmlDoc *document(void)
{
	static xmlDoc *doc;
	_cleanup_findings_ struct findings findings = { 0 };

	if (!doc) {
		xml_setup();
		check(xml_read(EMBEDDED(example), XML_READ_GATE, &findings, &doc) == 1);
	}
	return doc;
}

static void evaluate(const struct rules *rules)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xpath_ xmlXPathContext *context = rule_context(document(), AT);
	int r;

	check(context && rule_facts_use(context, NULL, "ACK", "") == 0);
	r = rules_run(rules, context, &findings);
	check(r == 0 || r == -EDOM);
	for (size_t i = 0; i < rules_count(rules); i++)
		free(rules_text(rules, i, i % 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_from("rules", span_of(data, size));
	struct rules *rules = NULL;
	char path[40], *error = NULL;
	int r;

	check(fd >= 0);
	(void)document();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = rules_load(path, NULL, &rules, &error);
	if (r == 0)
		evaluate(rules);
	else
		check(r < 0 && !rules && error);
	free(error);
	rules_free(rules);
	close(fd);
	return 0;
}
