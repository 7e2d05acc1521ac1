/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy public and fetch: what partners may have of a policy, made of a folder
 * or asked of a gate.
 */
#include "ctl/bundle/policy.h"
#include "ctl/bundle/policy_check.h"
#include "ctl/command.h"
#include "ctl/peer.h"

#include "common/digest.h"
#include "common/durable.h"
#include "policy/policy.h"
#include "policy/public.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_S 60L

struct options {
	struct peer peer;
	const char *policies, *output;
};

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = { PEER_OPTIONS,
		{ "policies", required_argument, NULL, 'p' }, { 0 } };
	int c;

	*o = (struct options){ 0 };
	while ((c = command_option(argc, argv, "o:", OPTIONS)) != -1) {
		if (c == 'p')
			o->policies = optarg;
		else if (c == 'o')
			o->output = optarg;
		else if (!peer_option(&o->peer, c, optarg))
			return -EINVAL;
	}
	if (!o->output)
		return command_fault("-o is needed");
	return command_arguments(argc, argv, 0, 0, "");
}

static int complain(const char *what, const char *error, int r)
{
	fprintf(stderr, "sealgate policy: %s: %s\n", what, error ? error : strerror(-r));
	return r;
}

static int write_out(const struct bundle *b, struct span archive, const char *path)
{
	char digest[SHA256_TEXT_SIZE], of[SHA256_TEXT_SIZE];
	int r = policy_public_of(b, of);

	if (r == 0)
		r = digest_sha256_text(archive, digest);
	if (r == 0)
		r = durable_write(path, archive, 0644);
	if (r < 0)
		return complain(path, NULL, r);
	printf("%s: %zu files, sha256 %s, of policy %s\n", path, b->count, digest, of);
	return 0;
}

static int make(const char *folder, struct bundle *b, struct buf *archive, char **error)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	int r = policy_load(folder, &policy, error);

	if (r == 0)
		r = policy_public(folder, policy_digest(policy), b, error);
	return r == 0 ? bundle_write(b, archive) : r;
}

int policy_public_part(int argc, char **argv)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL;
	_cleanup_buf_ struct buf archive;
	char folder[PATH_MAX];
	struct options o;
	int r;

	buf_init(&archive, BUNDLE_MAX);
	if (read_options(argc, argv, &o) < 0 || policy_folder(o.policies, folder) < 0)
		return command_usage("policy");
	r = make(folder, &b, &archive, &error);
	if (r < 0) {
		complain(folder, error, r);
		return EXIT_NOT_PASSED;
	}
	return write_out(&b, buf_span(&archive), o.output) < 0 ? EXIT_INTERNAL
							       : EXIT_CLEAN;
}

/* What a gate answers must be a bundle in its one form before it is believed. */
static int take(struct http_response *answer, const char *path)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL;
	size_t len = answer->body.len;
	uint8_t *copy = malloc(len + 1);
	int r = copy ? 0 : -ENOMEM;

	if (r == 0) {
		memcpy(copy, answer->body.data, len);
		r = bundle_read(copy, len, &b, &error);
	}
	if (r < 0)
		return complain("the answer", error, r);
	return write_out(&b, buf_span(&answer->body), path);
}

int policy_fetch(int argc, char **argv)
{
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	_cleanup_(freep) char *error = NULL;
	struct http_request q = {
		.method = "GET", .response_max = BUNDLE_MAX, .timeout_s = TIMEOUT_S
	};
	struct options o;
	char url[2048];
	int r;

	if (read_options(argc, argv, &o) < 0 || !peer_complete(&o.peer))
		return command_usage("policy");
	if (snprintf(url, sizeof(url), "%s/v1/policy", o.peer.url) >= (int)sizeof(url))
		return EXIT_USAGE;
	q.url = url;
	r = http_client(&o.peer.identity, &q, &answer, &error);
	if (r < 0)
		return peer_status(complain(url, error, r));
	if (answer.status != 200) {
		fprintf(stderr, "sealgate policy: %s: status %ld\n", url, answer.status);
		return answer.status / 100 == 4 ? EXIT_NOT_PASSED : EXIT_INTERNAL;
	}
	return take(&answer, o.output) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}
