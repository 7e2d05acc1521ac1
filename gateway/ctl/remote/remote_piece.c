/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_piece.h"

#include "common/encode.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/remote/remote.h"
#include "web/remote.h"

#include <stdio.h>
#include <string.h>

#define IN_BASE64_MAX ((size_t)2560 * 1024)
#define ANSWER_MAX 65536u
#define TIMEOUT_S (REMOTE_MS / 1000 + 30)
#define PATH_MOST 2000u
#define NO_SUCH_PATH 404

size_t piece_most(const struct sending *s)
{
	return s->in_base64 ? IN_BASE64_MAX : REMOTE_PIECE_MAX;
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

/* {"have": N, "whole": true, "next": M}, printed by the command at the gate. Return: N,
 * or -1 after saying what else it said. */
static long long have_of(const struct http_response *response, struct sending *s)
{
	_cleanup_json_ json_t *answer = json_read(buf_span(&response->body), ANSWER_MAX),
			      *said = NULL;
	const char *output = json_string_of(answer, "output");
	const char *errors = json_string_of(answer, "errors");
	const json_t *have, *next;

	if (json_integer_value(json_object_get(answer, "status")) == EXIT_CLEAN && output)
		said = json_read(span_str(output), ANSWER_MAX);
	have = json_object_get(said, "have");
	next = json_object_get(said, "next");
	s->whole = json_is_true(json_object_get(said, "whole"));
	s->next = json_is_integer(next) ? json_integer_value(next) : -1;
	if (json_is_integer(have))
		return json_integer_value(have);
	fprintf(stderr, "%s",
		errors ? errors
		       : "sealgate: the gate's answer cannot be "
			 "read\n");
	return -1;
}

static int post_in_base64(const struct sending *s, const char *name, long long offset,
	struct span piece, struct http_response *ret_answer)
{
	size_t len = piece.len < IN_BASE64_MAX ? piece.len : IN_BASE64_MAX;
	_cleanup_json_ json_t *request =
		request_of(s, name, offset, span_of(piece.data, len));

	return peer_post(
		s->peer, REMOTE_PATH, request, ANSWER_MAX, TIMEOUT_S, ret_answer);
}

/* Percent-encoded but for what may stand anywhere (RFC 3986 2.3). */
static void add_encoded(struct buf *path, const char *text)
{
	static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *text; text++)
		buf_addf(path, strchr(PLAIN, *text) ? "%c" : "%%%02X",
			(unsigned char)*text);
}

static int post_as_it_is(const struct sending *s, const char *name, long long offset,
	struct span piece, struct http_response *ret_answer)
{
	_cleanup_buf_ struct buf path;

	buf_init(&path, PATH_MOST);
	buf_addf(&path, REMOTE_PIECES "%s/%s?offset=%lld&name=", s->command, s->verb,
		offset);
	add_encoded(&path, name);
	return path.error ? path.error
			  : peer_post_octets(s->peer, path.data, REMOTE_PIECES_TYPE,
				    piece, ANSWER_MAX, TIMEOUT_S, ret_answer);
}

/* A gate of an earlier version has no such path: which it says to the first one, a list,
 * before anything large is sent. */
static int post(struct sending *s, const char *name, long long offset, struct span piece,
	struct http_response *ret_answer)
{
	int r;

	if (!s->in_base64) {
		r = post_as_it_is(s, name, offset, piece, ret_answer);
		if (r < 0 || ret_answer->status != NO_SUCH_PATH)
			return r;
		http_response_done(ret_answer);
		*ret_answer = (struct http_response){ 0 };
		s->in_base64 = true;
	}
	return post_in_base64(s, name, offset, piece, ret_answer);
}

int piece_send(struct sending *s, const char *name, long long offset, struct span piece,
	long long *ret_have)
{
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	int r = post(s, name, offset, piece, &answer);

	if (r < 0)
		return peer_status(r);
	if (answer.status != 200)
		return remote_refused(&answer);
	*ret_have = have_of(&answer, s);
	return *ret_have < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}
