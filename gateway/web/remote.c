/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/remote.h"

#include "common/encode.h"
#include "common/json.h"
#include "common/memfd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct remote_command COMMANDS[] = {
#define COMMAND_MAX 2000u /* octets of a line of the audit chain */
#define REMOTE(words, verb, traits, options, least, most)                                \
	{ words, verb, REMOTE_##traits, options, least, most },
#include "web/remote.def"
#undef REMOTE
};

/* Commands that no gate runs for anybody, and why. */
static const struct {
	const char *words, *why;
} LOCAL[] = {
#define LOCAL(words, why) { words, why },
#include "web/local.def"
#undef LOCAL
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* How many words of the text stand at the beginning of the arguments: all, or 0. Any
 * argument is the word "*". */
static int words_of(const char *words, const char *const *arguments, int count)
{
	int n = 0;

	while (*words) {
		size_t len = strcspn(words, " ");

		if (n == count || ((len != 1 || *words != '*') &&
					  (strlen(arguments[n]) != len ||
						  memcmp(arguments[n], words, len) != 0)))
			return 0;
		n++;
		words += len + (words[len] == ' ');
	}
	return n;
}

/* The row with the most words: "queue list" goes before "queue". */
static const struct remote_command *find(
	const char *const *arguments, int count, int *ret_words)
{
	const struct remote_command *found = NULL;

	*ret_words = 0;
	for (size_t i = 0; i < COUNT(COMMANDS); i++) {
		int n = words_of(COMMANDS[i].words, arguments, count);

		if (n > *ret_words) {
			*ret_words = n;
			found = &COMMANDS[i];
		}
	}
	return found;
}

/* Is an option, without its value, one of the row's? *ret_value: it has one. */
static bool option_known(
	const char *options, const char *option, size_t len, bool *ret_value)
{
	for (const char *at = options; *at;) {
		size_t size = strcspn(at, " ");
		bool value = size && at[size - 1] == '=';

		if (size - value == len && memcmp(at, option, len) == 0) {
			*ret_value = value;
			return true;
		}
		at += size + (at[size] == ' ');
	}
	return false;
}

/* A value or an argument: text of one line, and no path. */
static bool text_ok(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return *text && *text != '/' && *text != '.' && !strstr(text, "../");
}

static const char CALLED[] = "what came is called by " REMOTE_NAME
			     " and 64 hexadecimal digits, and by nothing else";

/* REMOTE_NAME and a digest: a name that is no file's. */
static bool name_ok(const char *text)
{
	if (strncmp(text, REMOTE_NAME, strlen(REMOTE_NAME)) != 0)
		return false;
	text += strlen(REMOTE_NAME);
	return strlen(text) == SHA256_TEXT_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == SHA256_TEXT_SIZE - 1;
}

static const char *judge_argument(const struct remote_command *row, const char *text)
{
	if (!text_ok(text))
		return "an argument is a path, or not one line of text";
	return (row->traits == REMOTE_USES || row->traits == REMOTE_TRIES) &&
			       !name_ok(text)
		       ? CALLED
		       : NULL;
}

static const char *judge(
	const struct remote_command *row, const char *const *arguments, int count)
{
	const char *fault, *last = "";
	int plain = 0;

	for (int i = 0; i < count; i++) {
		size_t len = strcspn(arguments[i], "=");
		bool value = false;

		if (arguments[i][0] != '-') {
			plain++;
			last = arguments[i];
			fault = judge_argument(row, arguments[i]);
			if (fault)
				return fault;
			continue;
		}
		if (!option_known(row->options, arguments[i], len, &value))
			return "an option is not one of this command's from afar";
		if (!value && !arguments[i][len])
			continue;
		if (!value || (!arguments[i][len] && i + 1 == count))
			return "an option has a value too many, or none";
		if (!text_ok(arguments[i][len] ? arguments[i] + len + 1 : arguments[++i]))
			return "a value is a path, or not one line of text";
	}
	if (plain < row->least || plain > row->most)
		return "there are too many arguments, or too few";
	return remote_takes(row) && !name_ok(last) ? CALLED : NULL;
}

/* The arguments that a row has no words for are no paths either, nor options. */
static const char *judge_words(const char *words, const char *const *arguments)
{
	for (int i = 0; *words; i++) {
		size_t len = strcspn(words, " ");

		if (*words == '*' && (!text_ok(arguments[i]) || arguments[i][0] == '-'))
			return "a name is a path, an option, or not one line of text";
		words += len + (words[len] == ' ');
	}
	return NULL;
}

/* Why no gate runs it: what the longest words say, of as many as least. NULL: none do. */
static const char *why_local(const char *const *arguments, int count, int least)
{
	const char *why = NULL;
	int most = least - 1;

	for (size_t i = 0; i < COUNT(LOCAL); i++) {
		int n = words_of(LOCAL[i].words, arguments, count);

		if (n > most) {
			most = n;
			why = LOCAL[i].why;
		}
	}
	return why;
}

static const char *read_arguments(
	const json_t *list, const char *ret_arguments[REMOTE_ARGUMENTS_MAX])
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0 ||
		json_array_size(list) > REMOTE_ARGUMENTS_MAX)
		return "the arguments are not an array of strings, or too many";
	json_array_foreach(list, i, item)
	{
		ret_arguments[i] = json_string_value(item);
		if (!ret_arguments[i] || json_string_length(item) > REMOTE_ARGUMENT_MAX ||
			strlen(ret_arguments[i]) != json_string_length(item))
			return "an argument is not a string, or too long";
	}
	return NULL;
}

const struct remote_command *remote_find(const json_t *arguments, const char **ret_fault)
{
	const char *list[REMOTE_ARGUMENTS_MAX];
	const struct remote_command *row;
	const char *local;
	int words, count;

	*ret_fault = read_arguments(arguments, list);
	if (*ret_fault)
		return NULL;
	count = (int)json_array_size(arguments);
	row = find(list, count, &words);
	if (row) {
		*ret_fault = judge_words(row->words, list);
		if (!*ret_fault)
			*ret_fault = judge(row, list + words, count - words);
		if (!*ret_fault)
			return row;
	}
	local = why_local(list, count, row ? words : 1);
	if (local)
		*ret_fault = local;
	else if (!row)
		*ret_fault = "this command cannot be run from afar";
	return NULL;
}

bool remote_changes(const struct remote_command *row)
{
	return row->traits == REMOTE_CHANGES || row->traits == REMOTE_SECRET ||
	       row->traits == REMOTE_USES || row->traits == REMOTE_GIVES;
}

bool remote_recorded(const struct remote_command *row)
{
	return remote_changes(row) || row->traits == REMOTE_WORKS ||
	       row->traits == REMOTE_TRIES;
}

bool remote_takes(const struct remote_command *row)
{
	return row->traits == REMOTE_GIVES || row->traits == REMOTE_JUDGES;
}

/* An argument as it is told from two: one of several words is quoted. */
static void write_argument(const char *argument, struct buf *ret)
{
	if (*argument && !strpbrk(argument, " \"\\")) {
		buf_add_str(ret, argument);
		return;
	}
	buf_add_str(ret, "\"");
	for (; *argument; argument++)
		buf_addf(ret, "%s%c", strchr("\"\\", *argument) ? "\\" : "", *argument);
	buf_add_str(ret, "\"");
}

void remote_text(const json_t *request, const char *list, struct buf *ret)
{
	const json_t *arguments = json_object_get(request, "arguments");
	const json_t *argument;
	size_t i;

	buf_init(ret, COMMAND_MAX);
	json_array_foreach(arguments, i, argument)
	{
		buf_add_str(ret, i ? " " : "");
		write_argument(json_string_value(argument), ret);
	}
	if (*list)
		buf_addf(ret, " " REMOTE_NAME "%s", list);
}

/* Of a memfd that nobody can change any more. */
static int digest_piece(int piece, char ret_sha256[SHA256_TEXT_SIZE])
{
	struct span octets = { 0 };
	int r = memfd_map(piece, REMOTE_PIECE_MAX, &octets);

	if (r == 0)
		r = digest_sha256_text(octets, ret_sha256);
	memfd_unmap(&octets);
	return r;
}

static int digest_given(const json_t *request, char ret_sha256[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) uint8_t *list = NULL;
	const char *octets = json_string_of(request, "octets");
	size_t len = 0;
	int r = octets && !json_object_get(request, "input")
			? base64_decode(span_str(octets), &list, &len)
			: -EINVAL;

	return r < 0 ? r : digest_sha256_text(span_of(list, len), ret_sha256);
}

const char *remote_piece(
	const struct remote_command *row, const json_t *request, int piece)
{
	struct span octets = { 0 };
	int r;

	if (row->traits != REMOTE_BRINGS)
		return "octets are no input of this command";
	if (json_object_get(request, "input") || json_object_get(request, "octets"))
		return "what the command reads comes twice";
	r = memfd_map(piece, REMOTE_PIECE_MAX, &octets);
	memfd_unmap(&octets);
	return r == 0 ? NULL : "a piece is too large, or can still change";
}

int remote_list(const struct remote_command *row, const json_t *request, int piece,
	char ret_sha256[SHA256_TEXT_SIZE])
{
	const json_t *arguments = json_object_get(request, "arguments");
	int words, r;

	if (row->traits != REMOTE_BRINGS)
		return 0;
	words = (int)json_array_size(arguments) - row->most;
	if (strcmp(json_string_value(json_array_get(arguments, (size_t)words)),
		    REMOTE_LIST) != 0)
		return 0;
	r = piece < 0 ? digest_given(request, ret_sha256)
		      : digest_piece(piece, ret_sha256);
	return r < 0 ? r : 1;
}

const char *remote_given(const struct remote_command *row, const json_t *request)
{
	_cleanup_(freep) uint8_t *given = NULL;
	const json_t *arguments = json_object_get(request, "arguments");
	const char *octets = json_string_of(request, "octets");
	const char *name = json_string_value(
		json_array_get(arguments, json_array_size(arguments) - 1));
	char sha256[SHA256_TEXT_SIZE];
	size_t len = 0;

	if (!remote_takes(row))
		return NULL;
	if (!octets || json_object_get(request, "input") ||
		base64_decode(span_str(octets), &given, &len) < 0 || len == 0 ||
		len > REMOTE_GIVEN_MAX)
		return "what the command is given has no octets, or too many";
	if (!name || digest_sha256_text(span_of(given, len), sha256) < 0 ||
		strcmp(name + strlen(REMOTE_NAME), sha256) != 0)
		return "what the command is given is not what its digest names";
	return NULL;
}

const struct remote_command *remote_called(int argc, char *const *argv)
{
	int words;

	return find((const char *const *)(uintptr_t)argv, argc, &words);
}
