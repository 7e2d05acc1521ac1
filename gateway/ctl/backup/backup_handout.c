/* SPDX-License-Identifier: EUPL-1.2 */
/* `sealgate backup make|ordered|status|fetch|piece|discard`, at the gate. */
#include "ctl/backup/backup_orders.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "ctl/backup/backup_medium.h"
#include "ctl/backup/backup_pieces.h"
#include "ctl/command.h"
#include "ctl/instance/unit_note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FAILED_MAX 1024u

static int refuse(const char *what, int error)
{
	command_fault("%s: %s", what, strerror(-error));
	return error == -ENOENT ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

static int make(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = backup_order(&error);
	if (r < 0) {
		command_fault("%s", error ? error : strerror(-r));
		return EXIT_NOT_PASSED;
	}
	puts("a backup is being made; sealgate backup status says when it is ready");
	return EXIT_CLEAN;
}

/* What goes wrong is told to who asks, and is no fault of the unit. */
static int ordered(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	int status, opened;

	(void)argc;
	(void)argv;
	log_open("backup");
	opened = instance_open(NULL, &i, &error);
	if (opened == 0)
		unit_started(&i, "backup");
	status = backup_carry_out() < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
	if (opened == 0) {
		unit_ended(&i, "backup", status);
		instance_done(&i);
	}
	return status;
}

static unsigned long count_pieces(void)
{
	char name[64], path[PATH_MAX];
	unsigned long n = 0;

	while (n <= BACKUP_PIECES_MAX &&
		snprintf(name, sizeof(name), "sealing/" BACKUP_PIECE_FILE, n) > 0 &&
		backup_place(name, path) == 0 && access(path, F_OK) == 0)
		n++;
	return n;
}

/* "TIME WHY" of the last attempt; null: none since one that was made. */
static json_t *failure(void)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX], *why;
	size_t len = 0;

	if (backup_place("failed", path) < 0 ||
		file_read(path, FAILED_MAX, &text, &len) < 0)
		return json_null();
	why = strchr((char *)text, ' ');
	if (!why)
		return json_null();
	*why++ = '\0';
	return json_pack("{s:s, s:o}", "at", (char *)text, "why", json_text(why));
}

/* Those who may open it, by the lines of the list. */
static json_t *openers(const char *list)
{
	json_t *all = json_array();

	for (const char *line = strstr(list, "\nto "); line;
		line = strstr(line + 1, "\nto ")) {
		char sha256[SHA256_TEXT_SIZE], name[256];

		if (sscanf(line, "\nto %64s %255[^\n]", sha256, name) == 2)
			json_array_append_new(all, json_pack("{s:s, s:s}", "certificate",
							   name, "sha256", sha256));
	}
	return all;
}

/* Who has the gate run this from afar; "": somebody at the machine. */
static const char *person(void)
{
	const char *name = getenv(REMOTE_PERSON);

	return name ? name : "";
}

static json_t *sealed(void)
{
	_cleanup_sealed_ struct backup_sealed s = { .folder = -1 };
	char mark[129] = "", at[CLOCK_TEXT_SIZE] = "";
	struct backup_piece piece;
	const char *line;
	json_int_t pieces = 0, size = 0;
	bool bad;

	if (backup_sealed_open(&s) < 0)
		return json_null();
	(void)sscanf(s.list, BACKUP_LIST_HEAD "%128s\nat %20s", mark, at);
	for (line = s.list; backup_next_piece(&line, &piece, &bad); pieces++)
		size += piece.size;
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:b, s:o}", "name", s.name,
		"mark", mark, "at", at, "pieces", pieces, "octets", size, "opened",
		backup_sealed_is_open(&s, NULL), "to_you",
		backup_sealed_is_open(&s, person()), "without_archive",
		strstr(s.list, "\n" BACKUP_WITHOUT) != NULL, "for", openers(s.list));
}

static void print_status(const json_t *s)
{
	const json_t *making = json_object_get(s, "making");
	const json_t *failed = json_object_get(s, "failed");
	const json_t *ready = json_object_get(s, "sealed"), *who;
	size_t i;

	if (json_is_object(making))
		printf("being made: %lld pieces so far\n",
			(long long)json_integer_value(json_object_get(making, "pieces")));
	if (json_is_true(json_object_get(s, "ordered")))
		puts("ordered");
	if (json_is_object(failed))
		printf("failed at %s: %s\n", json_string_of(failed, "at"),
			json_string_of(failed, "why"));
	if (!json_is_object(ready)) {
		puts("none is there");
		return;
	}
	printf("%s: everything up to record %s, made %s, %lld pieces, %lld octets\n",
		json_string_of(ready, "name"), json_string_of(ready, "mark"),
		json_string_of(ready, "at"),
		(long long)json_integer_value(json_object_get(ready, "pieces")),
		(long long)json_integer_value(json_object_get(ready, "octets")));
	if (json_is_true(json_object_get(ready, "without_archive")))
		puts("  without state/archive, for which there was no room");
	json_array_foreach(json_object_get(ready, "for"), i, who)
		printf("  for %s, sha256 %s\n", json_string_of(who, "certificate"),
			json_string_of(who, "sha256"));
}

static int status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' }, { 0 }
	};
	_cleanup_json_ json_t *s = NULL;
	char order[PATH_MAX];
	bool json = false, made;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1)
		if (c != 'f' || command_format(optarg, &json) < 0)
			return command_usage("backup");
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("backup");
	made = backup_is_made();
	s = json_pack("{s:b, s:o, s:o, s:o}", "ordered",
		backup_place("order", order) == 0 && access(order, F_OK) == 0, "making",
		made ? json_pack("{s:I}", "pieces", (json_int_t)count_pieces())
		     : json_null(),
		"failed", made ? json_null() : failure(), "sealed", sealed());
	if (!s)
		return EXIT_INTERNAL;
	if (json)
		return json_dumpf(s, stdout, JSON_COMPACT) == 0 ? EXIT_CLEAN
								: EXIT_INTERNAL;
	print_status(s);
	return EXIT_CLEAN;
}

/* Hold the one that is there, when it is called so. Return: EXIT_CLEAN, or another after
 * saying so. */
static int find(const char *name, struct backup_sealed *ret)
{
	int r = backup_sealed_open(ret);

	if (r < 0 && r != -ENOENT)
		return refuse(name, r);
	if (r == 0 && strcmp(ret->name, name) == 0)
		return EXIT_CLEAN;
	command_fault("%s: there is another one, or none", name);
	return EXIT_NOT_PASSED;
}

/* From now on its pieces are given out to who asks, whom the gate has recorded. */
static int fetch(int argc, char **argv)
{
	_cleanup_sealed_ struct backup_sealed s = { .folder = -1 };
	int r, found;

	(void)argc;
	found = find(argv[1], &s);
	if (found != EXIT_CLEAN)
		return found;
	r = backup_sealed_give(&s, person());
	if (r < 0)
		return refuse(argv[1], r);
	return fputs(s.list, stdout) == EOF ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int piece(int argc, char **argv)
{
	_cleanup_sealed_ struct backup_sealed s = { .folder = -1 };
	_cleanup_(freep) uint8_t *octets = NULL;
	unsigned long number;
	size_t len = 0;
	char *end;
	int r, found;

	(void)argc;
	found = find(argv[1], &s);
	if (found != EXIT_CLEAN)
		return found;
	if (!backup_sealed_is_open(&s, person())) {
		command_fault("%s: you have not asked for it: backup fetch comes first",
			argv[1]);
		return EXIT_NOT_PASSED;
	}
	number = strtoul(argv[2], &end, 10);
	if (*end || *argv[2] < '0' || *argv[2] > '9' || number > BACKUP_PIECES_MAX) {
		command_fault("%s: is no number of a piece", argv[2]);
		return EXIT_NOT_PASSED;
	}
	r = backup_sealed_piece(&s, number, &octets, &len);
	if (r < 0)
		return refuse(argv[2], r);
	return fwrite(octets, 1, len, stdout) == len ? EXIT_CLEAN : EXIT_INTERNAL;
}

static int discard(int argc, char **argv)
{
	_cleanup_sealed_ struct backup_sealed s = { .folder = -1 };
	int r, found;

	(void)argc;
	found = find(argv[1], &s);
	if (found != EXIT_CLEAN)
		return found;
	r = backup_sealed_remove(&s);
	if (r < 0)
		return refuse(argv[1], r);
	puts("removed");
	return EXIT_CLEAN;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	int arguments; /* -1: it looks at them itself */
} VERBS[] = { { "seal", backup_seal_command, -1 }, { "open", backup_open_command, -1 },
	{ "medium", backup_medium_command, -1 }, { "make", make, 0 },
	{ "ordered", ordered, 0 }, { "status", status, -1 }, { "fetch", fetch, 1 },
	{ "piece", piece, 2 }, { "discard", discard, 1 } };

bool backup_verb(int argc, char **argv, int *ret_status)
{
	for (size_t i = 0; argc > 1 && i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
		int n = VERBS[i].arguments;

		if (strcmp(VERBS[i].name, argv[1]) != 0)
			continue;
		optind = 2;
		*ret_status = n >= 0 && command_arguments(argc, argv, n, n,
						"its name, or the number of a piece") < 0
				      ? command_usage("backup")
				      : EXIT_CLEAN;
		optind = 1;
		if (*ret_status == EXIT_CLEAN)
			*ret_status = VERBS[i].run(argc - 1, argv + 1);
		return true;
	}
	return false;
}
