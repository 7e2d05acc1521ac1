/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_kept.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/command.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (2u * REMOTE_OUTPUT_MAX)
#define LIST_MAX (512u * 1024)
#define EVERY_S 3
#define ONE_S 30 /* one question, of a machine that has just started */
#define BOUND_MS                                                                         \
	((int64_t)20 * 60 * 1000) /* two starts, the check, and who is waited for */

int kept_words(int argc, char **argv, const char **ret_at)
{
	*ret_at = NULL;
	if (argc < 4 || strcmp(argv[0], "appliance") != 0 ||
		strcmp(argv[1], "apply") != 0)
		return argc;
	for (int i = 2; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--at") != 0)
			continue;
		*ret_at = argv[i + 1];
		memmove(argv + i, argv + i + 2, (size_t)(argc - i - 2) * sizeof(*argv));
		argv[argc - 2] = NULL;
		return argc - 2;
	}
	return argc;
}

int kept_serial(const char *dir, char ret_serial[KEPT_SERIAL_SIZE])
{
	_cleanup_(freep) char *list = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int n = snprintf(path, sizeof(path), "%s/manifest", dir);
	int r = n >= PATH_MAX ? -ENAMETOOLONG
			      : file_read(path, LIST_MAX, (uint8_t **)&list, &len);

	if (r < 0)
		return r;
	return sscanf(list, "%*s %*s %*s %64s", ret_serial) == 1 ? 0 : -EINVAL;
}

/* The machine's report, or NULL while it is not reached, which is no fault here. */
static json_t *report_of(const struct peer *peer)
{
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_json_ json_t *request = json_pack(
		"{s:[s, s, s]}", "arguments", "appliance", "report", "--format=json");
	_cleanup_(http_response_done) struct http_response response = { 0 };
	_cleanup_(freep) char *text = request ? json_canonical(request) : NULL;
	_cleanup_(freep) char *error = NULL;
	char url[2048];
	const struct http_request q = { .method = "POST",
		.url = url,
		.content_type = "application/json",
		.body = span_str(text ? text : ""),
		.response_max = ANSWER_MAX,
		.timeout_s = ONE_S };
	const char *output;

	if (!text || peer_url(peer, REMOTE_PATH, url, sizeof(url)) < 0 ||
		http_client(&peer->identity, &q, &response, &error) < 0 ||
		response.status != 200)
		return NULL;
	answer = json_read(buf_span(&response.body), ANSWER_MAX);
	output = json_string_of(answer, "output");
	return output ? json_read(span_str(output), ANSWER_MAX) : NULL;
}

int kept_look(const json_t *report, const char *serial, bool *said)
{
	const json_t *update = json_object_get(report, "update");
	const char *taken = json_string_of(update, "configuration");
	const char *trial = json_string_of(update, "trial");
	const char *returned = json_string_of(update, "returned");

	if (!taken)
		return -1;
	if (strcmp(taken, serial) != 0) {
		fprintf(stderr, "sealgate: another configuration came since: %s\n",
			taken);
		return EXIT_NOT_PASSED;
	}
	if (trial) {
		if (!*said)
			fprintf(stderr,
				"sealgate: on trial until the application is healthy "
				"and somebody with the verb machine was answered\n");
		*said = true;
		return -1;
	}
	if (returned) {
		fprintf(stderr, "sealgate: taken back: %s\n", returned);
		return EXIT_NOT_PASSED;
	}
	puts("kept");
	return EXIT_CLEAN;
}

int kept_follow(const struct peer *peer, const char *at, const char *serial)
{
	struct peer there[] = { *peer, *peer };
	int64_t end = clock_monotonic_ms() + BOUND_MS;
	bool said = false;

	if (at)
		there[0].url = at;
	/* What it answered to begin with was the configuration before. */
	sleep(EVERY_S);
	while (clock_monotonic_ms() < end) {
		for (size_t i = 0; i < (at ? 2 : 1); i++) {
			_cleanup_json_ json_t *report = report_of(&there[i]);
			int status = kept_look(report, serial, &said);

			if (status >= 0)
				return status;
		}
		sleep(EVERY_S);
	}
	fprintf(stderr, "sealgate: %s; look again: sealgate appliance report, update\n",
		said ? "still on trial: the token may wait for its custodians"
		     : "not reached; what nobody reaches is taken back by itself");
	return EXIT_NOT_PASSED;
}
