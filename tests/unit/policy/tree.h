/* SPDX-License-Identifier: EUPL-1.2 */
/* What tests of the policy loader share: a small policy in a folder of its own, and files
 * put into it that are read or refused. */
#ifndef TEST_POLICY_TREE_H
#define TEST_POLICY_TREE_H

#include "policy/policy.h"

#include "common/durable.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define D64 "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define COLONS                                                                           \
	"DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:"                               \
	"DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD:DD"

#define SIGNERS                                                                          \
	"signers = ( { sha256 = \"" C64                                                  \
	"\"; role = \"officer\"; name = \"Inspector\"; },\n"                             \
	"            { sha256 = \"" COLONS                                               \
	"\"; role = \"seal\"; name = \"Seal\"; } );\n"
#define PARTNER_OF(name, country, transport, more)                                       \
	"name = \"" name "\";\ncountry = \"" country "\";\ntransport = ( \"" transport   \
	"\" );\n" more "types = ( \"PHYTO\" );\n"
#define PARTNER PARTNER_OF("ke", "KE", A64, SIGNERS)
#define ROUTES                                                                           \
	"rules = ( { types = ( \"PHYTO\" ); import_countries = ( \"NL\" );\n"            \
	"            destinations = ( \"traces\", \"customs-nl\" ); },\n"                \
	"          { types = ( \"*\" ); import_countries = ( \"*\" );\n"                 \
	"            destinations = ( \"traces\" ); } );\n"
#define OPERATORS                                                                        \
	"people = ( { name = \"Officer One\"; sha256 = \"" B64                           \
	"\"; role = \"operator\"; } );\n"                                                \
	"roles = { viewer = ( \"view\" ); operator = ( \"view\", \"hold\" ); };\n"

struct tree {
	char dir[64];
};

static void put(const struct tree *t, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

static void folder(const struct tree *t, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int tree_new(void **state)
{
	static struct tree t;

	memcpy(t.dir, "/tmp/policy-XXXXXX", sizeof("/tmp/policy-XXXXXX"));
	if (!mkdtemp(t.dir))
		return -1;
	folder(&t, "partners");
	folder(&t, "customs");
	folder(&t, "routes");
	folder(&t, "routes/destinations");
	folder(&t, "degraded");
	put(&t, "partners/README.md", "not policy");
	put(&t, "partners/ke.cfg", PARTNER);
	put(&t, "routes/destinations/traces.cfg", "read by connectors");
	put(&t, "routes/destinations/customs-nl.cfg", "read by connectors");
	put(&t, "customs/be-1.cfg",
		"name = \"be-1\";\ndestination = \"customs-be\";\ntransport = ( );\n");
	put(&t, "routes/10.cfg", ROUTES);
	put(&t, "operators.cfg", OPERATORS);
	put(&t, "degraded/revocation.cfg", "hold = { TRY_LATER = 3600; };\n");
	*state = &t;
	return 0;
}

static int tree_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", ((struct tree *)*state)->dir);
	return system(command);
}

static struct policy *load(const struct tree *t)
{
	_cleanup_(freep) char *error = NULL;
	struct policy *p = NULL;
	int r = policy_load(t->dir, &p, &error);

	if (r < 0)
		fail_msg("policy_load: %d %s", r, error ? error : "");
	return p;
}

/* Write text as a file: the load is refused, and the error holds what. */
static void refused(
	const struct tree *t, const char *name, const char *text, const char *what)
{
	_cleanup_(freep) char *error = NULL;
	struct policy *p = NULL;

	put(t, name, text);
	assert_int_equal(policy_load(t->dir, &p, &error), -EINVAL);
	assert_null(p);
	assert_non_null(error);
	if (!strstr(error, what) || !strstr(error, name))
		fail_msg("\"%s\" does not say \"%s\" of %s", error, what, name);
}

#endif
