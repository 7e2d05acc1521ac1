/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_parcel.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "ctl/appliance/parcel.h"
#include "ctl/command.h"
#include "ctl/remote/remote.h"
#include "web/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_MAX (512u * 1024)
#define ANSWER_MAX 65536u
#define TIMEOUT_S (REMOTE_MS / 1000 + 30)

bool parcel_wanted(int argc, char *const *argv)
{
	return argc == 3 && strcmp(argv[0], "appliance") == 0 &&
	       (strcmp(argv[1], "update") == 0 || strcmp(argv[1], "apply") == 0);
}

static json_t *request_of(
	const struct sending *s, const char *name, long long offset, struct span piece)
{
	_cleanup_(freep) char *octets = base64_encode(piece);
	char at[24];

	(void)snprintf(at, sizeof(at), "%lld", offset);
	return octets ? json_pack("{s:[s, s, s, s], s:s}", "arguments", s->command,
				s->verb, name, at, "octets", octets)
		      : NULL;
}

/* {"have": N}, printed by the command at the gate. Return: N, or -1 after saying what
 * else it said. */
static long long have_of(const struct http_response *response)
{
	_cleanup_json_ json_t *answer = json_read(buf_span(&response->body), ANSWER_MAX),
			      *said = NULL;
	const char *output = json_string_of(answer, "output");
	const char *errors = json_string_of(answer, "errors");
	const json_t *have;

	if (json_integer_value(json_object_get(answer, "status")) == EXIT_CLEAN && output)
		said = json_read(span_str(output), ANSWER_MAX);
	have = json_object_get(said, "have");
	if (json_is_integer(have))
		return json_integer_value(have);
	fprintf(stderr, "%s",
		errors ? errors
		       : "sealgate: the gate's answer cannot be "
			 "read\n");
	return -1;
}

static int send_piece(const struct sending *s, const char *name, long long offset,
	struct span piece, long long *ret_have)
{
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	_cleanup_json_ json_t *request = request_of(s, name, offset, piece);
	int r;

	r = peer_post(s->peer, REMOTE_PATH, request, ANSWER_MAX, TIMEOUT_S, &answer);
	if (r < 0)
		return peer_status(r);
	if (answer.status != 200)
		return remote_refused(&answer);
	*ret_have = have_of(&answer);
	return *ret_have < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

/* The gate says how much of it is there; what it has is not sent again. */
static int send_pieces(
	const struct sending *s, const char *name, int fd, long long size, uint8_t *piece)
{
	long long have = 0;

	for (;;) {
		ssize_t n = pread(fd, piece, PARCEL_PIECE_MAX, have);
		long long before = have;
		int status = n < 0 ? EXIT_INTERNAL
				   : send_piece(s, name, before,
					     span_of(piece, (size_t)n), &have);

		if (status != EXIT_CLEAN || have == size)
			return status;
		if (have <= before || have > size) {
			command_fault("%s: the gate takes no more of it", name);
			return EXIT_INTERNAL;
		}
	}
}

int parcel_send_fd(const struct sending *s, int fd, const char *name)
{
	_cleanup_(freep) uint8_t *piece = malloc(PARCEL_PIECE_MAX);
	struct stat st;

	if (!piece || fstat(fd, &st) < 0)
		return EXIT_INTERNAL;
	return send_pieces(s, name, fd, st.st_size, piece);
}

int parcel_send_path(const struct sending *s, const char *path, const char *name)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		command_fault("%s: %s", path, strerror(errno));
		return EXIT_NOT_PASSED;
	}
	return parcel_send_fd(s, fd, name);
}

static int send_file(const struct sending *s, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? EXIT_INTERNAL : parcel_send_path(s, path, name);
}

/* "SHA256 SIZE PATH" */
static int send_listed(const struct sending *s, const char *dir, char *manifest)
{
	char *save = NULL, *line;
	int status = EXIT_CLEAN;

	(void)strtok_r(manifest, "\n", &save); /* what it is */
	while (status == EXIT_CLEAN && (line = strtok_r(NULL, "\n", &save)) != NULL) {
		char name[512];

		if (sscanf(line, "%*64s %*d %511s", name) != 1) {
			command_fault("%s/manifest is none", dir);
			return EXIT_NOT_PASSED;
		}
		status = send_file(s, dir, name);
	}
	return status;
}

int parcel_send(const struct peer *peer, const char *dir, char ret_name[PARCEL_NAME_SIZE])
{
	const struct sending s = { peer, "appliance", "parcel" };
	_cleanup_(freep) uint8_t *manifest = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int status, n = snprintf(path, sizeof(path), "%s/manifest", dir);
	int r = n < 0 || n >= PATH_MAX ? -ENAMETOOLONG
				       : file_read(path, MANIFEST_MAX, &manifest, &len);

	memcpy(ret_name, PARCEL_NAME, sizeof(PARCEL_NAME));
	if (r == 0)
		r = digest_sha256_text(
			span_of(manifest, len), ret_name + strlen(PARCEL_NAME));
	if (r < 0) {
		command_fault("%s: %s", path, strerror(-r));
		return EXIT_NOT_PASSED;
	}
	status = send_file(&s, dir, "manifest");
	if (status == EXIT_CLEAN)
		status = send_file(&s, dir, "manifest.p7s");
	return status == EXIT_CLEAN ? send_listed(&s, dir, (char *)manifest) : status;
}
