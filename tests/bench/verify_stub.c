/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Stands in for programs of the gate while others are measured: called sealgate-verify it
 * answers every question "accepted" without looking at anything, under any other name it
 * is idle. A program of the bench alone: no program of the product can skip verification.
 */
#include "common/daemon.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/ipc.h"
#include "common/memfd.h"
#include "policy/policy.h"
#include "policy/verify_client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define TIMEOUT_MS 10000

struct stub {
	struct daemon daemon;
	char digest[SHA256_TEXT_SIZE];
	int report;
};

static void answer(const struct stub *s, int socket, const struct ipc_message *m)
{
	const struct verify_request *q = ipc_body(m, sizeof(*q));
	struct verdict v = { .decision = DECISION_ACCEPTED,
		.type = "PHYTO",
		.status = "70",
		.export_country = "NZ",
		.import_country = "NL" };

	if (!q)
		return;
	memcpy(v.sha256, q->sha256, SHA256_SIZE);
	memcpy(v.policy_digest, s->digest, SHA256_TEXT_SIZE);
	memset(v.store_version, '0', SHA256_TEXT_SIZE - 1);
	hex_encode(q->sha256, 16, v.number);
	v.judged_at = clock_now();
	ipc_send(socket, VERIFY_ANSWER, m->header.id, &v, sizeof(v), &s->report, 1);
}

static void *serve(void *argument)
{
	const struct stub *s = argument;
	int socket;

	while ((socket = daemon_accept(&s->daemon, TIMEOUT_MS)) >= 0) {
		struct ipc_message m;

		ipc_message_init(&m);
		if (ipc_receive(socket, &m) == 1)
			answer(s, socket, &m);
		ipc_message_done(&m);
		close(socket);
	}
	return NULL;
}

static int prepare(struct stub *s)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	char report[512], path[PATH_MAX];
	int r = instance_path(&s->daemon.instance, "policies", path);

	if (r == 0)
		r = policy_load(path, &policy, &error);
	if (r < 0)
		return r;
	memcpy(s->digest, policy_digest(policy), SHA256_TEXT_SIZE);
	snprintf(report, sizeof(report),
		"{\"facts\":{},\"findings\":[],\"policy_digest\":\"%s\",\"signatures\":[]}",
		s->digest);
	s->report = memfd_from("report", span_str(report));
	return s->report;
}

int main(int argc, char **argv)
{
	bool verify = strstr(argv[0], "verify") != NULL;
	pthread_t threads[THREADS];
	struct stub s;
	int r = daemon_start(&s.daemon, verify ? "verify" : "seal",
		verify ? DAEMON_SEQPACKET : DAEMON_NO_SOCKET, argc, argv, "");

	if (r >= 0)
		return r;
	if (verify && prepare(&s) < 0)
		return 1;
	daemon_ready(&s.daemon);
	for (int i = 0; verify && i < THREADS; i++)
		pthread_create(&threads[i], NULL, serve, &s);
	for (int i = 0; verify && i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (!verify)
		daemon_wait(&s.daemon, -1);
	daemon_done(&s.daemon);
	return 0;
}
