/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/usage.h"

#include "ctl/command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define WIDTH 80
#define OPTION_COLUMN 8
#define NAME_SIZE 64

static const struct {
	const char *name, *forms, *summary,
		*detail; /* detail: "" where there is no more */
} COMMANDS[] = {
#define COMMAND(name, forms, summary, detail) { #name, forms, summary, detail },
#include "ctl/commands.def"
#undef COMMAND
};

static const struct {
	const char *commands, *option, *value, *meaning;
} OPTIONS[] = {
#define OPTION(commands, option, value, meaning) { commands, option, value, meaning },
#include "ctl/options.def"
#undef OPTION
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Of the one command that a process runs. */
static struct {
	size_t command;
	const char *verb; /* NULL: none, or one that the command does not have */
	char name[NAME_SIZE];
} called;

/* Is the word among those of a list that a separator keeps apart? */
static bool listed(const char *list, size_t len, char separator, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list, *end = list + len; p < end; p++) {
		const char *stop = memchr(p, separator, (size_t)(end - p));

		if (!stop)
			stop = end;
		if ((size_t)(stop - p) == n && memcmp(p, word, n) == 0)
			return true;
		p = stop;
	}
	return false;
}

/* The verbs that a form begins with, as a|b; a bracket: the verb may be left out. */
static bool form_has(const char *form, const char *verb)
{
	form += *form == '[';
	return listed(form, strcspn(form, " ]\n"), '|', verb);
}

/* The next form of the command, or NULL. They are one a line; all but the first begin
 * with "sealgate COMMAND". */
static const char *form_next(const char *form)
{
	const char *line = strchr(form, '\n');

	if (!line)
		return NULL;
	line += 1 + strspn(line + 1, " ");
	return line + strlen("sealgate ") + strlen(COMMANDS[called.command].name) + 1;
}

bool command_called(const char *name, const char *verb)
{
	for (size_t i = 0; i < COUNT(COMMANDS); i++) {
		if (strcmp(COMMANDS[i].name, name) != 0)
			continue;
		called.command = i;
		called.verb = NULL;
		for (const char *f = COMMANDS[i].forms; f && verb; f = form_next(f))
			if (islower((unsigned char)*verb) && form_has(f, verb))
				called.verb = verb;
		snprintf(called.name, sizeof(called.name), "sealgate %s%s%s", name,
			called.verb ? " " : "", called.verb ? called.verb : "");
		return true;
	}
	return false;
}

bool command_asks(void)
{
	for (const char *f = COMMANDS[called.command].forms; f; f = form_next(f)) {
		const char *url = strstr(f, "--url "); /* and not --urls */

		if ((!called.verb || form_has(f, called.verb)) && url &&
			url < f + strcspn(f, "\n"))
			return true;
	}
	return false;
}

/* Text from a column on, broken between words at WIDTH; ends the line. */
static void wrap(FILE *out, const char *text, size_t len, int column, int indent)
{
	const char *end = text + len;
	int gap = 0;

	while (text < end) {
		const char *space = memchr(text, ' ', (size_t)(end - text));
		int n = (int)((space ? space : end) - text);

		if (gap && column + gap + n > WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			gap = 0;
		}
		column += fprintf(out, "%*s%.*s", gap, "", n, text);
		text += n + 1;
		gap = 1;
	}
	fputc('\n', out);
}

static void print_forms(FILE *out)
{
	const char *label = "usage: ";

	for (const char *f = COMMANDS[called.command].forms; f; f = form_next(f)) {
		int column;

		if (called.verb && !form_has(f, called.verb))
			continue;
		column = fprintf(out, "%ssealgate %s%s", label,
			COMMANDS[called.command].name, *f ? " " : "");
		wrap(out, f, strcspn(f, "\n"), column, 15);
		label = "       ";
	}
}

/* Is the option in a form that is shown? */
static bool in_forms(const char *option)
{
	for (const char *f = COMMANDS[called.command].forms; f; f = form_next(f)) {
		const char *end = f + strcspn(f, "\n");

		if (called.verb && !form_has(f, called.verb))
			continue;
		for (const char *p = f; (p = strstr(p, option)) != NULL && p < end; p++)
			if ((p == f || strchr(" [|", p[-1])) &&
				strchr(" ]|\n", p[strlen(option)]))
				return true;
	}
	return false;
}

void command_list(FILE *out)
{
	fputs("usage: sealgate [--instance DIR] COMMAND [ARGUMENTS]\n\n", out);
	for (size_t i = 0; i < COUNT(COMMANDS); i++)
		fprintf(out, "  %-12s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
	fputs("\nsealgate COMMAND --help explains one command; see sealgate(1).\n", out);
}

void command_help(FILE *out)
{
	const char *name = COMMANDS[called.command].name,
		   *detail = COMMANDS[called.command].detail;

	print_forms(out);
	fprintf(out, "%s\n", COMMANDS[called.command].summary);
	if (*detail)
		wrap(out, detail, strlen(detail), 0, 0);
	for (size_t i = 0; i < COUNT(OPTIONS); i++) {
		const char *commands = OPTIONS[i].commands, *value = OPTIONS[i].value;

		if (!listed(commands, strlen(commands), ' ', name) ||
			!in_forms(OPTIONS[i].option))
			continue;
		fprintf(out, "\n  %s%s%s\n%*s", OPTIONS[i].option, *value ? " " : "",
			value, OPTION_COLUMN, "");
		wrap(out, OPTIONS[i].meaning, strlen(OPTIONS[i].meaning), OPTION_COLUMN,
			OPTION_COLUMN);
	}
}

int command_fault(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", *called.name ? called.name : "sealgate");
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EINVAL;
}

int command_option(
	int argc, char **argv, const char *letters, const struct option *options)
{
	char quiet[16];
	const char *last;
	int option;

	/* A colon first: what is missing is told apart, and getopt says nothing. */
	snprintf(quiet, sizeof(quiet), ":%s", letters);
	option = getopt_long(argc, argv, quiet, options, NULL);
	last = option == '?' || option == ':' ? argv[optind - 1] : "";
	if (option == ':')
		command_fault("%s needs a value", last);
	else if (option == '?' && last[0] == '-' && last[1] == '-' && optopt)
		command_fault("%.*s takes no value", (int)strcspn(last, "="), last);
	else if (option == '?')
		command_fault("there is no option %s, or it is not the whole name", last);
	return option == ':' ? '?' : option;
}

int command_arguments(int argc, char **argv, int least, int most, const char *what)
{
	if (argc - optind < least)
		return command_fault("%s is missing", what);
	if (argc - optind > most)
		return command_fault(
			"'%s' is one argument too many", argv[optind + most]);
	return 0;
}

int command_no_verb(const char *verb)
{
	if (verb)
		command_fault("there is no verb '%s'", verb);
	else
		command_fault("a verb is missing");
	return command_usage(COMMANDS[called.command].name);
}

int command_format(const char *value, bool *ret_json)
{
	*ret_json = strcmp(value, "json") == 0;
	return *ret_json || strcmp(value, "text") == 0
		       ? 0
		       : command_fault("--format is text or json, not '%s'", value);
}

int command_usage(const char *name)
{
	if (strcmp(COMMANDS[called.command].name, name) != 0)
		command_called(name, NULL);
	print_forms(stderr);
	fprintf(stderr, "%s --help explains the options.\n", called.name);
	return EXIT_USAGE;
}
