/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote.h"

#include "common/digest.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/prompt.h"
#include "ctl/backup/backup_orders.h"
#include "ctl/command.h"
#include "ctl/peer.h"
#include "ctl/remote/remote_bundle.h"
#include "ctl/remote/remote_kept.h"
#include "ctl/remote/remote_parcel.h"
#include "ctl/remote/remote_replay.h"
#include "web/remote.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Twice: an escape may double what was printed. */
#define ANSWER_MAX (2u * REMOTE_OUTPUT_MAX)
#define SECRET_MAX 300 /* octets of a line that a command reads */
#define TIMEOUT_S (REMOTE_MS / 1000 + 30)

bool remote_named(void)
{
	const char *url = getenv("SEALGATE_REMOTE");

	return url && *url;
}

/* What the gate says when it does not run it: a problem document (RFC 9457). */
int remote_refused(const struct http_response *answer)
{
	_cleanup_json_ json_t *problem = json_read(buf_span(&answer->body), ANSWER_MAX);
	const char *detail = json_string_of(problem, "detail");
	const char *fix = json_string_of(problem, "fix");

	fprintf(stderr, "sealgate: the gate answered %ld: %s %s\n", answer->status,
		detail ? detail : "", fix ? fix : "");
	return answer->status / 100 == 4 ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

static int print_octets(const char *text)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len;

	if (base64_decode(span_str(text), &octets, &len) < 0)
		return EXIT_INTERNAL;
	return fwrite(octets, 1, len, stdout) == len ? EXIT_CLEAN : EXIT_INTERNAL;
}

static int print_answer(const struct http_response *response)
{
	_cleanup_json_ json_t *answer = json_read(buf_span(&response->body), ANSWER_MAX);
	const char *output = json_string_of(answer, "output");
	const char *octets = json_string_of(answer, "octets");
	const char *errors = json_string_of(answer, "errors");
	const json_t *status = json_object_get(answer, "status");

	if (!json_is_integer(status) || (!output && !octets) || !errors) {
		fprintf(stderr, "sealgate: the gate's answer cannot be read\n");
		return EXIT_INTERNAL;
	}
	fputs(errors, stderr);
	if (octets && print_octets(octets) != EXIT_CLEAN)
		return EXIT_INTERNAL;
	if (output)
		fwrite(output, 1, json_string_length(json_object_get(answer, "output")),
			stdout);
	return (int)json_integer_value(status);
}

static int ask(const struct peer *peer, const json_t *request)
{
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	int r;

	r = peer_post(peer, REMOTE_PATH, request, ANSWER_MAX, TIMEOUT_S, &answer);
	if (r < 0)
		return peer_status(r);
	if (answer.status == 202) {
		fprintf(stderr, "sealgate: recorded; it is run when another person asks "
				"for the same within a quarter of an hour\n");
		return EXIT_RECORDED;
	}
	return answer.status == 200 ? print_answer(&answer) : remote_refused(&answer);
}

/* What the command would ask for at the gate is asked for here. */
static int add_secret(json_t *request)
{
	char secret[SECRET_MAX];
	int r = prompt_secret("passphrase", secret, sizeof(secret) - 1);

	if (r == 0) {
		memcpy(secret + strlen(secret), "\n", 2);
		json_object_set_new(request, "input", json_text(secret));
	} else {
		command_fault("passphrase: %s", strerror(-r));
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

/* A folder or a bundle goes to the gate first, and is then called by the digest of its
 * list. */
static int send_first(const struct peer *peer, json_t *arguments, size_t at, bool folder,
	int *ret_status)
{
	const char *what = json_string_value(json_array_get(arguments, at));
	char name[PARCEL_NAME_SIZE];

	*ret_status =
		folder ? parcel_send(peer, what, name) : bundle_send(peer, what, name);
	if (*ret_status != EXIT_CLEAN)
		return -1;
	return json_array_set_new(arguments, at, json_text(name));
}

static bool has_private_key(const uint8_t *data, size_t len)
{
	static const char MARK[] = "PRIVATE KEY-----";

	return memmem(data, len, MARK, sizeof(MARK) - 1) != NULL;
}

/* A file goes along with the command, which then calls it by its digest, so that two who
 * ask for the same have the same file. Nobody's private key leaves this machine. */
static int give_file(json_t *request, json_t *arguments, size_t at, const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *octets = NULL;
	char name[sizeof(REMOTE_NAME) + SHA256_TEXT_SIZE] = REMOTE_NAME;
	size_t len = 0;
	int r = file_read(path, REMOTE_GIVEN_MAX, &data, &len);

	if (r == 0 && has_private_key(data, len))
		return command_fault(
			"%s: there is a private key in it: it is not sent", path);
	if (r == 0)
		r = digest_sha256_text(span_of(data, len), name + strlen(REMOTE_NAME));
	octets = r == 0 ? base64_encode(span_of(data, len)) : NULL;
	if (!octets)
		return command_fault("%s: %s", path, strerror(r < 0 ? -r : ENOMEM));
	json_object_set_new(request, "octets", json_string(octets));
	/* behind the options, whatever stood where */
	json_array_remove(arguments, at);
	return json_array_append_new(arguments, json_text(name));
}

/* Where in a command line the file is that is given along, or 0. */
static int given_at(int argc, char *const *argv)
{
	const struct remote_command *row = remote_called(argc, argv);

	if (!row || !remote_takes(row) || argc < 3)
		return 0;
	if (row->traits == REMOTE_JUDGES)
		return plain_at(argc, argv);
	for (int i = 0; i < argc; i++)
		if (argv[i][0] == '-') /* hsm custody -k: no command with a file */
			return 0;
	return argc - 1;
}

/* A configuration is taken when the machine starts again with it: what becomes of it? */
static int ask_kept(const struct peer *peer, const json_t *request, const char *at,
	const char *serial)
{
	int status = ask(peer, request);

	return status == EXIT_CLEAN ? kept_follow(peer, at, serial) : status;
}

int remote_execute(int argc, char **argv, const char **ret_fault)
{
	char serial[KEPT_SERIAL_SIZE] = "";
	const char *at = NULL;
	_cleanup_json_ json_t *request = NULL;
	const struct remote_command *row;
	json_t *arguments = json_array();
	struct peer peer = { 0 };
	bool folder, replay;
	int first, status, given;

	argc = kept_words(argc, argv, &at);
	folder = parcel_wanted(argc, argv);
	replay = replay_wanted(argc, argv);
	first = folder ? 2 : bundle_at(argc, argv);
	if (backup_fetch_wanted(argc, argv)) {
		json_decref(arguments);
		return peer_complete(&peer) ? backup_fetch(&peer, argv[2]) : EXIT_USAGE;
	}
	for (int i = 0; i < argc; i++)
		json_array_append_new(arguments, json_text(argv[i]));
	request = json_pack("{s:o}", "arguments", arguments);
	if (first && !peer_complete(&peer))
		return EXIT_USAGE;
	if (folder && strcmp(argv[1], "apply") == 0)
		(void)kept_serial(argv[2], serial);
	if (first && send_first(&peer, arguments, (size_t)first, folder, &status) < 0)
		return status;
	given = given_at(argc, argv);
	if (given && give_file(request, arguments, (size_t)given, argv[given]) != 0)
		return EXIT_USAGE;
	if (replay)
		replay_arguments(arguments);
	row = remote_find(arguments, ret_fault);
	if (!row)
		return -1;
	if (!peer_complete(&peer))
		return EXIT_USAGE;
	if (row->traits == REMOTE_SECRET && add_secret(request) < 0)
		return EXIT_NOT_PASSED;
	if (*serial)
		return ask_kept(&peer, request, at, serial);
	return replay ? replay_follow(&peer, request) : ask(&peer, request);
}
