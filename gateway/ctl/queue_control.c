/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/queue_control.h"

#include "common/id.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/http_client.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX (1024u * 1024)
#define TIMEOUT_S 60L

struct control_options {
	const char *url, *reason;
	struct http_identity identity;
};

static int read_options(int argc, char **argv, struct control_options *ret)
{
	static const struct option options[] = { { "url", required_argument, NULL, 'u' },
		{ "ca", required_argument, NULL, 'a' },
		{ "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "reason", required_argument, NULL, 'r' }, { 0 } };
	int c;

	*ret = (struct control_options){ 0 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'u':
			ret->url = optarg;
			break;
		case 'a':
			ret->identity.ca = optarg;
			break;
		case 'c':
			ret->identity.cert = optarg;
			break;
		case 'k':
			ret->identity.key = optarg;
			break;
		case 'r':
			ret->reason = optarg;
			break;
		default:
			return -1;
		}
	}
	return ret->url && ret->reason && *ret->reason && ret->identity.ca &&
			       ret->identity.cert && ret->identity.key
		       ? 0
		       : -1;
}

static int ask(const struct control_options *o, const char *verb, const char *id,
	const char *destination)
{
	_cleanup_json_ json_t *body = json_pack("{s:o,s:o}", "destination",
		json_text(destination), "reason", json_text(o->reason));
	_cleanup_(freep) char *text = json_canonical(body), *error = NULL;
	_cleanup_(http_response_done) struct http_response answer = { 0 };
	struct http_request q = { .method = "POST",
		.content_type = "application/json",
		.response_max = ANSWER_MAX,
		.timeout_s = TIMEOUT_S };
	char url[2048];
	size_t len = strlen(o->url);

	while (len && o->url[len - 1] == '/')
		len--;
	if (!text || snprintf(url, sizeof(url), "%.*s/v1/queue/%s/%s", (int)len, o->url,
			     id, verb) >= (int)sizeof(url))
		return EXIT_INTERNAL;
	q.url = url;
	q.body = span_str(text);
	if (http_client(&o->identity, &q, &answer, &error) < 0) {
		fprintf(stderr, "sealgate: %s: %s\n", url, error ? error : "failed");
		return EXIT_INTERNAL;
	}
	if (answer.body.len)
		printf("%s\n", answer.body.data);
	if (answer.status / 100 == 2)
		return EXIT_CLEAN;
	fprintf(stderr, "sealgate: the gate answered %ld\n", answer.status);
	return answer.status / 100 == 4 ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

int queue_control_run(const char *usage, int argc, char **argv)
{
	struct control_options o;

	if (read_options(argc, argv, &o) < 0 || argc - optind < 1 || argc - optind > 2)
		return command_usage(usage);
	if (!id_valid(argv[optind])) {
		fprintf(stderr, "sealgate: '%s' is not a document's id\n", argv[optind]);
		return EXIT_USAGE;
	}
	return ask(&o, argv[0], argv[optind], argc - optind == 2 ? argv[optind + 1] : "");
}
