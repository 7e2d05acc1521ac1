/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Commands of `sealgate` that operators have the gate run: which there are, what they may
 * be given, and running one; never who may.
 */
#ifndef SEALGATE_WEB_REMOTE_H
#define SEALGATE_WEB_REMOTE_H

#include "common/buf.h"
#include "common/digest.h"

#include <jansson.h>
#include <limits.h>

#define REMOTE_ARGUMENTS_MAX 24
#define REMOTE_ARGUMENT_MAX 256		      /* octets of one */
#define REMOTE_REQUEST_MAX (4u * 1024 * 1024) /* octets of a request */
#define REMOTE_OUTPUT_MAX (8u * 1024 * 1024)  /* octets that a command may print */
#define REMOTE_GIVEN_MAX (128u * 1024)	      /* octets given along with a command */
#define REMOTE_MS 240000		      /* that it may take */
#define REMOTE_PATH "/v1/commands"
#define REMOTE_PIECES "/v1/pieces/" /* then two words: octets for what REMOTE_BRINGS */
#define REMOTE_PIECES_TYPE "application/octet-stream"
#define REMOTE_PIECE_MAX (8u * 1024 * 1024) /* octets of one */
#define REMOTE_PERSON "SEALGATE_PERSON" /* in a command's environment: who has it run */
#define REMOTE_FIRST "SEALGATE_FIRST"	/* and who had asked for it before, of two */

/* Of run/operate.sock, whose program runs commands as root for admin alone: one message
 * with the request in a memfd, and in another one the octets of a piece; answered by one
 * with the answer in a memfd. */
enum remote_message { REMOTE_ASK = 1, REMOTE_ANSWER = 2 };

/* Whether a command changes something, which is audited, and reads a passphrase; whether
 * it brings what another command then uses, whose list alone is audited, or uses it;
 * whether it changes something by what is given along, which its last argument names, or
 * only judges that; whether it shows a document to a person, which is audited as reading
 * it; whether it has work done that takes its time and changes nothing, or reads what is
 * about many documents, which is audited and never takes two people, or has that done
 * with what was brought. */
enum remote_traits {
	REMOTE_READS,
	REMOTE_SHOWS,
	REMOTE_CHANGES,
	REMOTE_SECRET,
	REMOTE_BRINGS,
	REMOTE_USES,
	REMOTE_GIVES,
	REMOTE_JUDGES,
	REMOTE_WORKS,
	REMOTE_TRIES
};

/* How what was brought is called: this and the SHA-256 of its list. */
#define REMOTE_NAME "sha256:"
#define REMOTE_LIST "manifest" /* and the list itself */

/* A row of remote.def. */
struct remote_command {
	const char *words;
	const char *verb; /* of policies/operators.cfg */
	enum remote_traits traits;
	const char *options;
	int least, most;
};

/* The row of an array of strings, all of it judged: words, options, how many, and that
 * none is a path; of one that uses or tries what was brought, that it is called by its
 * digest.
 * Return: the row, or NULL with *ret_fault, one line, static text: of a command that no
 * gate runs why it is none, as local.def has it. */
const struct remote_command *remote_find(const json_t *arguments, const char **ret_fault);

/* Does a command change something by itself, so that it is recorded before it is run?
 * What is brought does nothing until two use it. */
bool remote_changes(const struct remote_command *row);

/* Is it recorded before it is run, whether it changes something or has work done? */
bool remote_recorded(const struct remote_command *row);

/* Is it given octets along, which its last argument names by their digest? */
bool remote_takes(const struct remote_command *row);

/* "hsm activate NAME" of a request that remote_find has judged, as it is recorded, with
 * the digest of the list that it brings, or "". ret: to be done by the caller, with its
 * error. */
void remote_text(const json_t *request, const char *list, struct buf *ret);

/* Does the request that remote_find has judged bring a list? *ret_sha256: the digest of
 * what it then gives the command to read: of a sealed memfd, or where piece is -1 of what
 * is in it. Return: 1, 0 it is another one, -EINVAL it gives nothing that can be read,
 * -EFBIG, -EPERM (a piece that is not sealed), -ENOMEM. */
int remote_list(const struct remote_command *row, const json_t *request, int piece,
	char ret_sha256[SHA256_TEXT_SIZE]);

/* May a request that remote_find has judged bring a piece: a sealed memfd of at most
 * REMOTE_PIECE_MAX octets, beside which the request itself gives nothing to read? Return:
 * NULL, or one line, static text. */
const char *remote_piece(
	const struct remote_command *row, const json_t *request, int piece);

/* Is what the request that remote_find has judged gives along what its last argument
 * names by its digest, for a command that is given something? Return: NULL, or one line,
 * static text. */
const char *remote_given(const struct remote_command *row, const json_t *request);

/* The row that a command line begins with; its arguments are not judged. Return: the row,
 * or NULL. */
const struct remote_command *remote_called(int argc, char *const *argv);

/* Run `program --instance dir ARGUMENTS` (dir NULL: without the option) of a request
 * ({"arguments": [...], "input": text, or "octets": base64, "by" and "after": who,
 * which admin says) that remote_find has judged, with nothing but what it names, or with
 * piece, where that is not -1, on its standard input from the beginning, and wait for
 * it; the environment goes along, with REMOTE_PERSON and REMOTE_FIRST. Return: 0 with
 * the answer, {"status", "output", "errors"} (an output that is no UTF-8 is "octets",
 * base64), which the caller owns; -ETIMEDOUT, -E2BIG (it printed more than it may),
 * -errno. */
int remote_run(const char *program, const char *dir, const json_t *request, int piece,
	json_t **ret_answer);

#endif
