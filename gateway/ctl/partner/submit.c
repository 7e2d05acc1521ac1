/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/submit.h"

#include "common/durable.h"
#include "common/limits.h"
#include "ctl/command.h"
#include "ctl/peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The report's findings come back in a refusal, and each holds a sentence or two. */
#define ANSWER_MAX (2u * LIMIT_REPORT)
#define FILE_MAX (64u * 1024 * 1024) /* what is over LIMIT_DOCUMENT the gate refuses */
#define TIMEOUT_S 60L

struct submit_options {
	struct peer peer;
	const char *file;
};

static int read_options(int argc, char **argv, struct submit_options *ret)
{
	static const struct option options[] = { PEER_OPTIONS, { 0 } };
	int c;

	*ret = (struct submit_options){ 0 };
	while ((c = command_option(argc, argv, "", options)) != -1)
		if (!peer_option(&ret->peer, c, optarg))
			return -1;
	if (!peer_complete(&ret->peer) || command_arguments(argc, argv, 1, 1, "FILE") < 0)
		return -1;
	ret->file = argv[optind];
	return 0;
}

/* The body with the status of the answer; what is no JSON object is quoted. */
static json_t *answer_json(const struct http_response *answer)
{
	json_t *body = json_read(buf_span(&answer->body), ANSWER_MAX);

	if (!json_is_object(body)) {
		json_decref(body);
		body = json_pack("{s:o}", "body", json_text(answer->body.data));
	}
	if (body)
		json_object_set_new(body, "status", json_integer(answer->status));
	return body;
}

static int verdict(const struct http_response *answer, const json_t *body,
	bool (*passed)(const json_t *))
{
	if (answer->status / 100 == 2)
		return !passed || passed(body) ? EXIT_CLEAN : EXIT_NOT_PASSED;
	return answer->status / 100 == 4 ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

static int send_document(const struct submit_options *o, const char *url,
	struct span document, bool (*passed)(const json_t *))
{
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	_cleanup_(freep) char *error = NULL;
	_cleanup_json_ json_t *body = NULL;
	struct http_request q = { .method = "POST",
		.url = url,
		.content_type = "application/xml",
		.body = document,
		.response_max = ANSWER_MAX,
		.timeout_s = TIMEOUT_S };
	int r;

	r = http_client(&o->peer.identity, &q, &answer, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate: %s: %s\n", url, error ? error : "failed");
		return peer_status(r);
	}
	body = answer_json(&answer);
	if (!body || json_dumpf(body, stdout, JSON_SORT_KEYS | JSON_COMPACT) < 0)
		return EXIT_INTERNAL;
	putchar('\n');
	return verdict(&answer, body, passed);
}

/* A wrong path is the caller's mistake; only TLS can say whether the content is right. */
static bool readable(const char *path)
{
	if (access(path, R_OK) == 0)
		return true;
	fprintf(stderr, "sealgate: %s: %s\n", path, strerror(errno));
	return false;
}

int submit_run(
	const char *path, bool (*passed)(const json_t *body), int argc, char **argv)
{
	_cleanup_(freep) uint8_t *data = NULL;
	struct submit_options o;
	char url[2048];
	size_t len;
	int r;

	if (read_options(argc, argv, &o) < 0)
		return command_usage(argv[0]);
	if (peer_url(&o.peer, path, url, sizeof(url)) < 0) {
		command_fault("--url is too long");
		return command_usage(argv[0]);
	}
	if (!readable(o.peer.identity.ca) || !readable(o.peer.identity.cert) ||
		!readable(o.peer.identity.key))
		return EXIT_USAGE;
	r = file_read(o.file, FILE_MAX, &data, &len);
	if (r < 0) {
		fprintf(stderr, "sealgate: %s: %s\n", o.file, strerror(-r));
		return EXIT_USAGE;
	}
	return send_document(&o, url, span_of(data, len), passed);
}
