/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"
#include "ctl/documents/timeline.h"

#include "common/clock.h"
#include "common/config.h"
#include "common/ipc.h"
#include "common/json.h"
#include "evidence/in_use.h"
#include "pkcs11/client.h"
#include "queue/alive.h"
#include "trust/store.h"
#include "web/crl_ends.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SIGNER_MS 5000

static const struct {
	const char *name;
	int type;
} SOCKETS[] = { { "queued", SOCK_SEQPACKET }, { "signer", SOCK_SEQPACKET },
	{ "verify", SOCK_SEQPACKET }, { "intake", SOCK_STREAM },
	{ "handshake", SOCK_STREAM }, { "operate", SOCK_SEQPACKET },
	{ "admin", SOCK_STREAM } };

/* Does somebody listen there? */
static bool listens(const struct instance *i, const char *name, int type)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[PATH_MAX];

	if (fd < 0 || instance_socket(i, name, path) < 0 ||
		strlen(path) >= sizeof(sa.sun_path))
		return false;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	return connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
}

static json_t *programs(const struct instance *i, bool *ret_all)
{
	json_t *all = json_object();

	*ret_all = true;
	for (size_t n = 0; n < sizeof(SOCKETS) / sizeof(SOCKETS[0]); n++) {
		bool up = listens(i, SOCKETS[n].name, SOCKETS[n].type);

		json_object_set_new(
			all, SOCKETS[n].name, json_string(up ? "up" : "down"));
		*ret_all = *ret_all && up;
	}
	return all;
}

/* Who has no socket is seen by what it asks of queued, as long as that runs. */
static void add_workers(
	const struct instance *i, const json_t *queue, json_t *programs, bool *ret_all)
{
	static const struct {
		const char *name, *lease;
	} WORKERS[] = { { "seal", "seal.lease_s" }, { "forward", "forward.lease_s" } };
	const char *queued = json_string_of(programs, "queued");

	for (size_t n = 0; n < sizeof(WORKERS) / sizeof(WORKERS[0]); n++) {
		int64_t seconds;
		bool up = queued && strcmp(queued, "up") == 0 &&
			  queue_alive(queue, WORKERS[n].name,
				  config_int(i->config, WORKERS[n].lease), &seconds);

		json_object_set_new(
			programs, WORKERS[n].name, json_string(up ? "up" : "down"));
		*ret_all = *ret_all && up;
	}
}

/* How the certificates in use stand, by what is here: a new reference, or NULL. */
static json_t *certificates(const struct instance *i)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	_cleanup_(trust_store_closep) struct trust_store *store = NULL;
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX], anchors[PATH_MAX], revocation[PATH_MAX];

	if (instance_socket(i, "signer", path) < 0 ||
		instance_path(i, "policies/anchors", anchors) < 0 ||
		instance_path(i, "state/trust/revocation", revocation) < 0 ||
		trust_store_open(anchors, revocation, &store, &error) < 0 ||
		signer_connect(path, SIGNER_MS, &signer) < 0)
		return NULL;
	return in_use_report(signer_role_certificates, signer,
		trust_material(store, TRUST_SEAL), clock_now());
}

static json_t *warnings_of(const struct queue_session *s, const json_t *queue)
{
	_cleanup_json_ json_t *signer = queue_session_signer(s),
			      *in_use = certificates(&s->instance),
			      *crls = crl_ends_report(&s->instance, clock_now());
	json_t *list = queue_session_warnings(s, queue, signer);

	if (list && in_use_warn(list, in_use) == 0 && crl_ends_warn(list, crls) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static void print_status(const json_t *status)
{
	const char *name;
	json_t *v;

	printf("instance ");
	timeline_text(stdout, json_string_of(status, "instance"));
	printf(" (%s) in %s\n",
		json_is_true(json_object_get(status, "test")) ? "TEST" : "production",
		json_string_of(status, "folder"));
	json_object_foreach(json_object_get(status, "programs"), name, v)
		printf("  %-9s %s\n", name, json_string_value(v));
	timeline_print_stats(stdout, json_object_get(status, "queue"));
	timeline_print_warnings(stdout, json_object_get(status, "warnings"));
}

static int status_of(struct queue_session *s, bool json)
{
	_cleanup_json_ json_t *status = NULL;
	json_t *queue, *running;
	bool all;
	int fd, r = queue_stats(s->queue, &fd);

	if (r != QUEUE_DONE)
		return queue_session_explain(r, NULL);
	queue = queue_session_json(fd);
	if (!queue)
		return EXIT_INTERNAL;
	running = programs(&s->instance, &all);
	add_workers(&s->instance, queue, running, &all);
	status = json_pack("{s:o,s:o,s:b,s:o,s:o,s:o}", "warnings", warnings_of(s, queue),
		"instance", json_text(config_string(s->instance.config, "instance.name")),
		"test", (int)config_bool(s->instance.config, "instance.test"), "folder",
		json_text(s->instance.dir), "programs", running, "queue", queue);
	if (json) {
		json_dumpf(status, stdout, JSON_SORT_KEYS | JSON_COMPACT);
		putchar('\n');
	} else {
		print_status(status);
	}
	return all ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' }, { 0 }
	};
	_cleanup_session_ struct queue_session s = { 0 };
	bool json = false;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c != 'f' || command_format(optarg, &json) < 0)
			return command_usage("status");
	}
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("status");
	c = queue_session_open(&s);
	return c == EXIT_CLEAN ? status_of(&s, json) : c;
}
