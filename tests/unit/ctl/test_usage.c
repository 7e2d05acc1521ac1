/* SPDX-License-Identifier: EUPL-1.2 */
/* What every command says of itself, and the faults of its command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const NAMES[] = {
#define COMMAND(name, forms, summary, detail) #name,
#include "ctl/commands.def"
#undef COMMAND
};

#define WIDTH 80

static char *help_of(const char *name, const char *verb)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_true(command_called(name, verb));
	command_help(out);
	fclose(out);
	return text;
}

static void every_command_has_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		char *text = help_of(NAMES[i], NULL), *line = text;

		assert_memory_equal(text, "usage: sealgate ", 16);
		while (line && *line) {
			size_t len = strcspn(line, "\n");

			assert_true(len == 0 || line[len - 1] != ' ');
			line = line[len] ? line + len + 1 : NULL;
		}
		free(text);
	}
}

/* sealgate --help: a line that fits for each, and what it is called by first in it. */
static void the_list_has_a_line_each(void **state)
{
	char *text = NULL, *line;
	size_t len, count = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	command_list(out);
	fclose(out);
	for (line = text; *line; line += strcspn(line, "\n") + 1) {
		len = strcspn(line, "\n");
		if (len > WIDTH)
			print_error("%.*s\n", (int)len, line);
		assert_true(len <= WIDTH);
		if (strncmp(line, "  ", 2) != 0)
			continue;
		assert_true(count < sizeof(NAMES) / sizeof(NAMES[0]));
		assert_memory_equal(line + 2, NAMES[count], strlen(NAMES[count]));
		count++;
	}
	assert_int_equal(count, sizeof(NAMES) / sizeof(NAMES[0]));
	free(text);
}

static void a_verb_shows_its_own_form(void **state)
{
	char *text = help_of("queue", "release");

	(void)state;
	assert_non_null(strstr(text, "--reason"));
	assert_null(strstr(text, "--limit"));
	free(text);
	text = help_of("queue", "stats");
	assert_null(strstr(text, "--reason"));
	free(text);
	text = help_of("sign", "key");
	assert_non_null(strstr(text, "\n  --key FILE.pem|PKCS11-URI\n"));
	free(text);
	assert_false(command_called("nope", NULL));
}

static void arguments_are_counted(void **state)
{
	char a[] = "a", b[] = "b", name[] = "x";
	char *argv[] = { name, a, b, NULL };

	(void)state;
	optind = 1;
	assert_int_equal(command_arguments(3, argv, 2, 2, "A"), 0);
	assert_int_equal(command_arguments(3, argv, 0, 1, "A"), -EINVAL);
	assert_int_equal(command_arguments(3, argv, 3, 9, "A"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_has_help),
		cmocka_unit_test(the_list_has_a_line_each),
		cmocka_unit_test(a_verb_shows_its_own_form),
		cmocka_unit_test(arguments_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
