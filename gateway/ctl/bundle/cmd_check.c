/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/check_bundle.h"
#include "ctl/bundle/policy_check.h"
#include "ctl/command.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"
#include "document/experimental.h"
#include "xml/locate.h"
#include "xml/reader.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* There is no document to check: whoever asked named the wrong file. */
#define CHECK_UNREADABLE 2

struct checking {
	struct document_types *types;
	struct messages *messages;
	const char *language;		  /* NULL: English */
	const struct document_type *type; /* demanded, or NULL: found by the document */
	int64_t at;
	char digest[SHA256_TEXT_SIZE]; /* of the policy that a public part is of */
};

/* The tree without its signatures: a signature has no place in the schema.
 * Return: 1 clean, 0 findings, negative undecided. */
static int check_tree(const struct checking *c, xmlDoc *doc, struct findings *findings,
	const char **ret_type)
{
	const struct document_type *type = c->type;
	struct facts facts;
	int r;

	document_strip_signatures(doc);
	r = facts_read(doc, &facts, findings);
	if (r >= 0)
		r = document_version_read(c->types, doc, &facts, c->at, findings);
	if (r < 0)
		return r;
	if (!type)
		type = document_type_find(c->types, doc, &facts, findings);
	/* Who would send it, and where to, is not known here. */
	document_experimental_say(document_experimental(c->types, type, &facts), type,
		&facts, doc, NULL, findings);
	if (!type) {
		r = document_check_schema(c->types, doc, &facts, findings);
		return r < 0 ? r : 0;
	}
	*ret_type = type->name;
	r = document_check(c->types, type, doc, &facts, c->at, findings);
	return r < 0 ? r : findings->errors == 0;
}

/* Return: as check_tree, or CHECK_UNREADABLE, which was said. */
static int check_octets(const struct checking *c, const char *path,
	struct findings *findings, const char **ret_type)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	size_t len;
	int r = file_read(path, LIMIT_DOCUMENT, &data, &len);

	if (r == -EFBIG) {
		findings_add(findings, "xml.size", NULL, NULL, NULL);
		return 0;
	}
	if (r < 0) {
		fprintf(stderr, "sealgate check: %s: %s\n", path, strerror(-r));
		return CHECK_UNREADABLE;
	}
	r = xml_read(span_of(data, len), XML_READ_GATE, findings, &doc);
	if (r > 0)
		r = check_tree(c, doc, findings, ret_type);
	xml_locate(span_of(data, len), findings);
	return r;
}

static int print_line(const struct checking *c, const char *path, const char *type,
	const struct findings *findings)
{
	_cleanup_json_ json_t *line =
		json_pack("{s:o, s:o, s:o, s:s*}", "file", json_text(path), "type",
			json_text(type), "findings", findings_to_json(findings),
			"policy_digest", *c->digest ? c->digest : NULL);

	if (line && c->language && messages_translate(c->messages, c->language, line) < 0)
		return -ENOMEM;
	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
		return -ENOMEM;
	putchar('\n');
	return 0;
}

static enum exit_status check_file(const struct checking *c, const char *path)
{
	_cleanup_findings_ struct findings findings = { 0 };
	const char *type = NULL;
	int r = check_octets(c, path, &findings, &type);

	if (r == CHECK_UNREADABLE)
		return EXIT_USAGE;
	if (r < 0) {
		findings_add(&findings, "internal.error", NULL, NULL, strerror(-r));
		(void)print_line(c, path, type, &findings);
		return EXIT_INTERNAL;
	}
	if (print_line(c, path, type, &findings) < 0)
		return EXIT_INTERNAL;
	return r > 0 ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

struct options {
	const char *policies, *bundle, *type, *language;
	int64_t at;
};

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "policies", required_argument, NULL, 'p' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "language", required_argument, NULL, 'l' },
		{ "type", required_argument, NULL, 't' },
		{ "at", required_argument, NULL, 'a' },
		{ 0 },
	};
	int c;

	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c == 'p')
			o->policies = optarg;
		else if (c == 'b')
			o->bundle = optarg;
		else if (c == 'l')
			o->language = optarg;
		else if (c == 't')
			o->type = optarg;
		else if (c != 'a')
			return -EINVAL;
		else if (clock_parse(optarg, &o->at) < 0)
			return command_fault("not an RFC 3339 time: %s", optarg);
	}
	if (o->policies && o->bundle)
		return command_fault("--policies and --bundle exclude each other");
	return command_arguments(argc, argv, 1, INT_MAX, "FILE");
}

static int load_types(const struct options *o, struct checking *c, char **ret_error)
{
	char path[PATH_MAX];
	int r;

	if (o->bundle)
		return check_bundle_load(
			o->bundle, &c->types, &c->messages, c->digest, ret_error);
	r = policy_folder(o->policies, path);
	if (r < 0)
		return r;
	if (!o->policies && !getenv("SEALGATE_INSTANCE"))
		fprintf(stderr, "sealgate check: by the policies in %s\n", path);
	r = document_types_load(path, &c->types, ret_error);
	return r < 0 ? r : messages_load(path, &c->messages, ret_error);
}

static int find_language(const struct options *o, struct checking *c)
{
	if (!o->language || strcmp(o->language, "en") == 0)
		return 0;
	for (size_t i = 0; messages_language(c->messages, i); i++)
		if (strcmp(messages_language(c->messages, i), o->language) == 0)
			c->language = messages_language(c->messages, i);
	return c->language ? 0
			   : command_fault("the policy does not speak '%s'", o->language);
}

static int load(const struct options *o, struct checking *c)
{
	_cleanup_(freep) char *error = NULL;
	int r = load_types(o, c, &error);

	if (r < 0) {
		fprintf(stderr, "sealgate: %s\n", error ? error : strerror(-r));
		return r;
	}
	xml_setup();
	c->type = o->type ? document_type_named(c->types, o->type) : NULL;
	if (o->type && !c->type)
		return command_fault("there is no document type '%s'", o->type);
	return find_language(o, c);
}

int cmd_check(int argc, char **argv)
{
	struct options o = { .at = clock_now() };
	struct checking c = { 0 };
	int worst = EXIT_CLEAN;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("check");
	if (load(&o, &c) < 0) {
		messages_free(c.messages);
		document_types_free(c.types);
		return EXIT_USAGE;
	}
	c.at = o.at;
	for (int i = optind; i < argc; i++) {
		int status = (int)check_file(&c, argv[i]);

		worst = status > worst ? status : worst;
	}
	messages_free(c.messages);
	document_types_free(c.types);
	return worst;
}
