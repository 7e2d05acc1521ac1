/* SPDX-License-Identifier: EUPL-1.2 */
/* Sentences in other languages: which language, which sentence, what stays as it is. */
#include "policy/messages.h"

#include "common/finding.h"
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct messages *shipped;

static int setup(void **state)
{
	char *error = NULL;
	int r = messages_load("policies", &shipped, &error);

	(void)state;
	if (error)
		fprintf(stderr, "%s\n", error);
	free(error);
	return r;
}

static int teardown(void **state)
{
	(void)state;
	messages_free(shipped);
	return 0;
}

static void says(const char *language, const char *english, const char *wanted)
{
	char *text = messages_find(shipped, language, english);

	if (wanted)
		assert_string_equal(text ? text : "", wanted);
	else
		assert_null(text);
	free(text);
}

static void test_sentences(void **state)
{
	(void)state;
	says("fr", "The document is empty.", "Le document est vide.");
	says("es", "The document is empty.", "El documento est\xc3\xa1 vac\xc3\xado.");
	says("fr", "Status 39 is not admitted for PHYTO.",
		"Le statut 39 n'est pas admis pour PHYTO.");
	/* The sentence that says most itself. */
	says("fr", "Give ram:X, or leave it out.", "Donner ram:X, ou l'omettre.");
	says("es", "Give ram:X.", "Indique ram:X.");
	says("fr", "Nobody ever said this", NULL);
	says("de", "The document is empty.", NULL);
	assert_true(messages_have(shipped, "fr", "Give ram:X."));
	assert_false(messages_have(shipped, "fr", "Give the name of it."));
}

static void test_negotiation(void **state)
{
	static const struct {
		const char *accept, *wanted;
	} CASES[] = {
		{ "fr", "fr" },
		{ "fr-CH, fr;q=0.9, en;q=0.8", "fr" },
		{ "de, es;q=0.5, en;q=0.4", "es" },
		{ "en, fr", "en" },
		{ "fr;q=0.3,es;q=0.31", "es" },
		{ "de", NULL },
		{ "fr;q=0", NULL },
		{ "*", "en" },
		{ "", NULL },
		{ ",,; ,q=1", NULL },
		{ "FR", "fr" },
		{ "fre", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *found = messages_negotiate(shipped, CASES[i].accept);

		if (CASES[i].wanted)
			assert_string_equal(found ? found : "", CASES[i].wanted);
		else
			assert_null(found);
	}
}

/* Codes, places and values stay; what has no translation keeps its English words. */
static void test_answer(void **state)
{
	json_t *body = json_loads(
		"{\"code\":\"doc.status\",\"detail\":\"Status 1 is not admitted for A.\","
		"\"findings\":[{\"code\":\"doc.schema\",\"message\":\"libxml2 says so\","
		"\"received\":\"The document is empty.\",\"fix\":\"Declare version "
		"1.0.\"}]}",
		0, NULL);
	const json_t *finding = json_array_get(json_object_get(body, "findings"), 0);

	(void)state;
	assert_int_equal(messages_translate(shipped, "fr", body), 0);
	assert_string_equal(
		json_string_of(body, "detail"), "Le statut 1 n'est pas admis pour A.");
	assert_string_equal(json_string_of(finding, "message"),
		"Le document enfreint son sch\xc3\xa9ma. (libxml2 says so)");
	assert_string_equal(json_string_of(finding, "fix"), "D\xc3\xa9"
							    "clarer la version 1.0.");
	assert_string_equal(
		json_string_of(finding, "received"), "The document is empty.");
	json_decref(body);
}

/* Reasons that only operators and verifiers of containers are given. */
static bool elsewhere(const char *code)
{
	static const char *const PREFIXES[] = { "operator.", "queue.", "evidence.",
		"asic.", "internal.reason" };

	for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++)
		if (strncmp(code, PREFIXES[i], strlen(PREFIXES[i])) == 0)
			return true;
	return false;
}

static void test_every_reason_is_translated(void **state)
{
	static const struct {
		const char *code, *sentence, *fix;
	} REASONS[] = {
#define REASON(code, status, sentence, clause, fix) { code, sentence, fix },
#include "common/reasons.def"
#undef REASON
	};
	size_t missing = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
		for (size_t k = 0; messages_language(shipped, k); k++) {
			const char *language = messages_language(shipped, k);

			if (elsewhere(REASONS[i].code))
				continue;
			if (messages_have(shipped, language, REASONS[i].sentence) &&
				messages_have(shipped, language, REASONS[i].fix))
				continue;
			fprintf(stderr,
				"policies/messages/%s.cfg: no translation of %s\n",
				language, REASONS[i].code);
			missing++;
		}
	assert_int_equal(missing, 0);
	assert_string_equal(messages_language(shipped, 0), "es");
	assert_string_equal(messages_language(shipped, 1), "fr");
}

static void refuses(const char *name, const char *text, const char *why)
{
	char folder[] = "/tmp/sealgate-messages-XXXXXX", path[200], *error = NULL;
	struct messages *m = NULL;
	FILE *f;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/messages", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/messages/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_true(messages_load(folder, &m, &error) < 0);
	assert_non_null(error);
	assert_non_null(strstr(error, why));
	free(error);
	unlink(path);
	(void)snprintf(path, sizeof(path), "%s/messages", folder);
	rmdir(path);
	rmdir(folder);
}

static void test_bad_catalogues(void **state)
{
	(void)state;
	refuses("fr.cfg", "texts = ( { en = \"a {}\"; to = \"b\"; } );", "holes");
	refuses("fr.cfg",
		"texts = ( { en = \"a\"; to = \"b\"; }, { en = \"a\"; to = \"c\"; } );",
		"twice");
	refuses("french.cfg", "texts = ( );", "two letters");
	refuses("fr.cfg", "texts = ( { en = \"a\"; } );", "to is missing");
	refuses("fr.cfg", "tests = ( );", "not a known setting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_every_reason_is_translated),
		cmocka_unit_test(test_bad_catalogues),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
