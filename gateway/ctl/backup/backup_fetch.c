/* SPDX-License-Identifier: EUPL-1.2 */
/* `sealgate --remote URL backup fetch DIR`: piece by piece, and on from where it was. */
#include "ctl/backup/backup_orders.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "ctl/backup/backup_pieces.h"
#include "ctl/command.h"
#include "ctl/peer.h"
#include "ctl/remote/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ANSWER_MAX (2u * REMOTE_OUTPUT_MAX)
#define TIMEOUT_S (REMOTE_MS / 1000 + 30)
#define RECORDED 202 /* by HTTP: another person has to ask as well */

struct fetching {
	const struct peer *peer;
	const char *dir;
	char name[BACKUP_NAME_SIZE];
	bool asked; /* so that the gate gives its pieces out to us */
};

/* What a command printed at the gate, with a NUL behind it. */
struct output {
	uint8_t *data;
	size_t len;
	bool text; /* it is UTF-8 without a NUL in it */
};

static void output_done(struct output *o)
{
	free(o->data);
}

bool backup_fetch_wanted(int argc, char *const *argv)
{
	return argc == 3 && strcmp(argv[0], "backup") == 0 &&
	       strcmp(argv[1], "fetch") == 0 &&
	       strncmp(argv[2], REMOTE_NAME, strlen(REMOTE_NAME)) != 0;
}

static int read_output(const struct http_response *response, struct output *ret)
{
	_cleanup_json_ json_t *answer = json_read(buf_span(&response->body), ANSWER_MAX);
	const char *output = json_string_of(answer, "output");
	const char *octets = json_string_of(answer, "octets");
	const char *errors = json_string_of(answer, "errors");
	const json_t *status = json_object_get(answer, "status");

	if (!json_is_integer(status) || !output == !octets) {
		command_fault("the gate's answer cannot be read");
		return EXIT_INTERNAL;
	}
	if (json_integer_value(status) != EXIT_CLEAN) {
		fputs(errors ? errors : "", stderr);
		return (int)json_integer_value(status);
	}
	if (octets)
		return base64_decode(span_str(octets), &ret->data, &ret->len) < 0
			       ? EXIT_INTERNAL
			       : EXIT_CLEAN;
	ret->text = true;
	ret->len = strlen(output);
	ret->data = (uint8_t *)strdup(output);
	return ret->data ? EXIT_CLEAN : EXIT_INTERNAL;
}

/* Have the gate run it. *ret_recorded: it waits for another person. Return: the exit
 * status, EXIT_CLEAN with the output unless it is recorded. */
static int order(const struct fetching *f, json_t *arguments, bool *ret_recorded,
	struct output *ret)
{
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	_cleanup_json_ json_t *request = json_pack("{s:o}", "arguments", arguments);
	int r;

	*ret_recorded = false;
	r = peer_post(f->peer, REMOTE_PATH, request, ANSWER_MAX, TIMEOUT_S, &answer);
	if (r < 0)
		return peer_status(r);
	*ret_recorded = answer.status == RECORDED;
	if (*ret_recorded)
		return EXIT_CLEAN;
	return answer.status == 200 ? read_output(&answer, ret) : remote_refused(&answer);
}

/* It goes into a path, and onto the screen: nothing but what a gate calls one. */
static bool name_ok(const char *name)
{
	const char *hex;

	if (!name || strncmp(name, REMOTE_NAME, strlen(REMOTE_NAME)) != 0)
		return false;
	hex = name + strlen(REMOTE_NAME);
	return strlen(hex) == SHA256_TEXT_SIZE - 1 &&
	       strspn(hex, "0123456789abcdef") == SHA256_TEXT_SIZE - 1;
}

static int ask_name(struct fetching *f)
{
	_cleanup_(output_done) struct output output = { 0 };
	_cleanup_json_ json_t *status = NULL;
	const char *name;
	bool recorded;
	int r = order(f, json_pack("[s, s, s]", "backup", "status", "--format=json"),
		&recorded, &output);

	if (r != EXIT_CLEAN)
		return r;
	status = output.text ? json_read(span_of(output.data, output.len), ANSWER_MAX)
			     : NULL;
	name = json_string_of(json_object_get(status, "sealed"), "name");
	if (!name_ok(name)) {
		command_fault("no backup is ready: backup make, then backup status");
		return EXIT_NOT_PASSED;
	}
	memcpy(f->name, name, BACKUP_NAME_SIZE);
	f->asked = !json_is_false(
		json_object_get(json_object_get(status, "sealed"), "to_you"));
	return EXIT_CLEAN;
}

static int place(const struct fetching *f, const char *name, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s", f->dir, name) < PATH_MAX
		       ? EXIT_CLEAN
		       : command_fault("%s: the path is too long", f->dir);
}

static bool is_of(struct span octets, const char *sha256)
{
	char found[SHA256_TEXT_SIZE];

	return digest_sha256_text(octets, found) == 0 && strcmp(found, sha256) == 0;
}

static int store(const char *path, struct span octets)
{
	int r = durable_write(path, octets, 0600);

	if (r < 0)
		command_fault("%s: %s", path, strerror(-r));
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

/* The list stands for the backup: with it the gate gives out the pieces to whom it was
 * given. */
static int ask_list(const struct fetching *f, struct output *ret)
{
	bool recorded;
	int r = order(
		f, json_pack("[s, s, s]", "backup", "fetch", f->name), &recorded, ret);

	if (recorded)
		fprintf(stderr, "sealgate: recorded; it is fetched when another person "
				"asks for the same within a quarter of an hour\n");
	if (r != EXIT_CLEAN || recorded)
		return r != EXIT_CLEAN ? r : EXIT_RECORDED;
	if (ret->text &&
		is_of(span_of(ret->data, ret->len), f->name + strlen(REMOTE_NAME)))
		return EXIT_CLEAN;
	command_fault("%s: the gate's list is another one", f->name);
	return EXIT_NOT_PASSED;
}

static int take_list(const struct fetching *f, const char *path, char **ret_list)
{
	_cleanup_(output_done) struct output output = { 0 };
	int r = ask_list(f, &output);

	if (r != EXIT_CLEAN)
		return r;
	if (mkdir(f->dir, 0700) < 0) {
		command_fault("%s: %s", f->dir, strerror(errno));
		return EXIT_INTERNAL;
	}
	r = store(path, span_of(output.data, output.len));
	if (r != EXIT_CLEAN)
		return r;
	*ret_list = (char *)output.data;
	output.data = NULL;
	return EXIT_CLEAN;
}

/* A folder that is there is taken when it was begun for the same one; by another person,
 * who asks as the first one did. */
static int begin(const struct fetching *f, char **ret_list)
{
	_cleanup_(output_done) struct output output = { 0 };
	_cleanup_(freep) uint8_t *have = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r;

	if (place(f, BACKUP_SEALED_LIST, path) != EXIT_CLEAN)
		return EXIT_INTERNAL;
	r = file_read(path, BACKUP_SEALED_LIST_MAX, &have, &len);
	if (r < 0)
		return take_list(f, path, ret_list);
	if (!is_of(span_of(have, len), f->name + strlen(REMOTE_NAME))) {
		command_fault("%s: is of another backup than the gate's", f->dir);
		return EXIT_NOT_PASSED;
	}
	r = f->asked ? EXIT_CLEAN : ask_list(f, &output);
	if (r != EXIT_CLEAN)
		return r;
	*ret_list = (char *)have;
	have = NULL;
	return EXIT_CLEAN;
}

static int take_piece(const struct fetching *f, const struct backup_piece *p)
{
	_cleanup_(output_done) struct output output = { 0 };
	_cleanup_(freep) uint8_t *have = NULL;
	char path[PATH_MAX], name[32], number[24];
	size_t len = 0;
	bool recorded;
	int r;

	(void)snprintf(name, sizeof(name), BACKUP_PIECE_FILE, p->number);
	(void)snprintf(number, sizeof(number), "%lu", p->number);
	if (place(f, name, path) != EXIT_CLEAN)
		return EXIT_INTERNAL;
	if (file_read(path, 2 * BACKUP_PIECE_MAX, &have, &len) == 0 &&
		is_of(span_of(have, len), p->sha256))
		return EXIT_CLEAN;
	r = order(f, json_pack("[s, s, s, s]", "backup", "piece", f->name, number),
		&recorded, &output);
	if (r != EXIT_CLEAN)
		return r;
	if (!output.data || !is_of(span_of(output.data, output.len), p->sha256)) {
		command_fault("%s: is not the piece of the list", name);
		return EXIT_NOT_PASSED;
	}
	return store(path, span_of(output.data, output.len));
}

static int take_pieces(const struct fetching *f, const char *list)
{
	bool without = strstr(list, "\n" BACKUP_WITHOUT) != NULL;
	unsigned long expected = 0;
	struct backup_piece piece;
	int status = EXIT_CLEAN;
	bool bad = false;

	while (status == EXIT_CLEAN && backup_next_piece(&list, &piece, &bad) &&
		piece.number == expected++)
		status = take_piece(f, &piece);
	if (status == EXIT_CLEAN && (bad || *list)) {
		command_fault("%s: the gate's list is none", f->name);
		return EXIT_NOT_PASSED;
	}
	if (status == EXIT_CLEAN && without)
		fputs("sealgate: there was no room for state/archive: copy it by its own "
		      "means\n",
			stderr);
	if (status == EXIT_CLEAN)
		printf("fetched: %lu pieces of %s\n", expected, f->name);
	return status;
}

/* All of it is here and on the disk: there it is not needed any more. That it stays a
 * while, since two have to ask, changes nothing about what was fetched. */
static void discard(const struct fetching *f)
{
	_cleanup_(output_done) struct output output = { 0 };
	bool recorded;
	int r = order(f, json_pack("[s, s, s]", "backup", "discard", f->name), &recorded,
		&output);

	if (r != EXIT_CLEAN || recorded)
		fprintf(stderr, "sealgate: it is still at the gate, %s\n",
			recorded ? "until another person has it discarded as well"
				 : "until it is discarded");
}

int backup_fetch(const struct peer *peer, const char *dir)
{
	struct fetching f = { .peer = peer, .dir = dir };
	_cleanup_(freep) char *list = NULL;
	int status = ask_name(&f);

	if (status == EXIT_CLEAN)
		status = begin(&f, &list);
	if (status == EXIT_CLEAN)
		status = take_pieces(&f, list);
	if (status == EXIT_CLEAN)
		discard(&f);
	return status;
}
