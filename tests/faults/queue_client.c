/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A client and a destination of queued that remember what they were told:
 *   queue_client run SOCKET LEDGER COUNT CLIENTS   takes documents all the way; exit 0
 * all done, 3 queued went away queue_client check SOCKET LEDGER               holds
 * queued against the ledger; exit 0 it has kept everything, 1 not A line of the ledger is
 * written after the answer that it tells of: "accepted ID SHA256", "sealed ID",
 * "delivered ID"; "create ID" is the destination's own, written when it made something,
 * before it answers.
 */
#include "common/encode.h"
#include "common/id.h"
#include "common/json.h"
#include "common/memfd.h"
#include "queue/client.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 20000
#define OCTETS 3000
#define LEASE_S 1
#define LINE_SIZE 160

struct run {
	const char *socket, *ledger;
	int file;
	atomic_int left, away;
};

static void note(const struct run *r, const char *what, const char *id, const char *more)
{
	char line[LINE_SIZE];
	int n = snprintf(line, sizeof(line), "%s %s%s%s\n", what, id, more ? " " : "",
		more ? more : "");

	if (write(r->file, line, (size_t)n) != n)
		abort();
}

/* Did the destination make it before? */
static bool created(const struct run *r, const char *id)
{
	char wanted[LINE_SIZE], line[LINE_SIZE];
	FILE *f = fopen(r->ledger, "re");
	bool found = false;

	snprintf(wanted, sizeof(wanted), "create %s\n", id);
	while (f && !found && fgets(line, sizeof(line), f))
		found = strcmp(line, wanted) == 0;
	if (f)
		fclose(f);
	return found;
}

static int commit(struct run *r, struct queue *q)
{
	struct queue_submission s = { .state = DOCUMENT_ACCEPTED,
		.size = OCTETS,
		.received = 1700000000,
		.destination_count = 1,
		.partner = "partner-a",
		.country = "MA",
		.type = "851",
		.status = "70",
		.destinations = { "traces" } };
	uint8_t data[OCTETS] = { 0 };
	char record[512], hash[SHA256_TEXT_SIZE];
	struct queue_document first;
	int fds[2], answer;

	if (id_new(s.id) < 0)
		abort();
	memcpy(data, s.id, sizeof(s.id));
	memcpy(s.number, s.id, sizeof(s.id));
	digest_sha256(span_of(data, OCTETS), s.sha256);
	hex_encode(s.sha256, SHA256_SIZE, hash);
	snprintf(record, sizeof(record),
		"{\"actor\":\"intake\",\"at\":\"2023-11-14T22:13:20Z\",\"detail\":"
		"{\"destinations\":[\"traces\"]},\"document\":\"%s\","
		"\"event\":\"document.accepted\"}",
		s.id);
	fds[0] = memfd_from("document", span_of(data, OCTETS));
	fds[1] = memfd_from("report", span_of(data, OCTETS));
	answer = queue_commit(
		q, &s, fds[0], fds[1], span_str("receipt"), span_str(record), &first);
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	if (answer == QUEUE_DONE)
		note(r, "accepted", s.id, hash);
	return answer;
}

static int seal(struct run *r, struct queue *q)
{
	int fds[3], container, answer;
	struct queue_claim c;

	answer = queue_claim_seal(q, LEASE_S, &c, &fds[0], &fds[1], &fds[2]);
	if (answer != QUEUE_DONE)
		return answer;
	container = memfd_from("container", span_str(c.document.id));
	answer = queue_sealed(q, &c, "T", 0, container);
	close(container);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	if (answer == QUEUE_DONE)
		note(r, "sealed", c.document.id, NULL);
	return answer;
}

/* The destination: what may be there already is looked up, never made twice. */
static int deliver(struct run *r, struct queue *q)
{
	struct queue_claim c;
	int fd, answer = queue_claim_delivery(q, "traces", LEASE_S, 0, &c, &fd);

	if (answer != QUEUE_DONE)
		return answer;
	close(fd);
	if (!c.look_up || !created(r, c.document.id))
		note(r, "create", c.document.id, NULL);
	answer = queue_delivery_result(q, &c, DELIVERY_DELIVERED, 0, "REF", "");
	if (answer == QUEUE_DONE)
		note(r, "delivered", c.document.id, NULL);
	return answer;
}

static void *work(void *argument)
{
	struct run *r = argument;
	struct queue *q = NULL;
	int answer = queue_connect(r->socket, TIMEOUT_MS, &q);

	while (answer >= 0 && atomic_fetch_sub(&r->left, 1) > 0) {
		answer = commit(r, q);
		if (answer >= 0)
			answer = seal(r, q);
		if (answer >= 0)
			answer = deliver(r, q);
	}
	if (answer < 0)
		atomic_store(&r->away, 1);
	queue_disconnect(q);
	return NULL;
}

static int run(const char *socket, const char *ledger, int count, int clients)
{
	struct run r = { .socket = socket, .ledger = ledger };
	pthread_t threads[16];

	r.file = open(ledger, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	atomic_store(&r.left, count);
	if (r.file < 0 || clients < 1 || clients > 16)
		return 2;
	for (int i = 0; i < clients; i++)
		pthread_create(&threads[i], NULL, work, &r);
	for (int i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	return atomic_load(&r.away) ? 3 : 0;
}

/* -- check ----------------------------------------------------------------- */

static json_t *meta(struct queue *q, const char *id)
{
	struct queue_document d;
	struct span text;
	json_t *value;
	int fd;

	if (queue_get(q, id, NULL, QUEUE_META, &d, &fd) != QUEUE_DONE)
		return NULL;
	if (memfd_map(fd, 1 << 20, &text) < 0)
		abort();
	value = json_read(text, 1 << 20);
	memfd_unmap(&text);
	close(fd);
	return value;
}

static bool has_part(
	struct queue *q, const char *id, enum queue_part part, const char *sha256)
{
	char hash[SHA256_TEXT_SIZE];
	struct queue_document d;
	struct span data;
	int fd;

	if (queue_get(q, id, "partner-a", part, &d, &fd) != QUEUE_DONE)
		return false;
	if (memfd_map(fd, LIMIT_CONTAINER, &data) < 0)
		abort();
	close(fd);
	digest_sha256_text(data, hash);
	memfd_unmap(&data);
	return !sha256 || strcmp(hash, sha256) == 0;
}

static bool kept(struct queue *q, const char *what, const char *id, const char *sha256)
{
	_cleanup_json_ json_t *m = meta(q, id);
	const json_t *delivery = json_array_get(json_object_get(m, "deliveries"), 0);
	const char *state = json_string_of(m, "state");

	if (!m || !has_part(q, id, QUEUE_REPORT, NULL) ||
		!has_part(q, id, QUEUE_RECEIPT, NULL))
		return false;
	if (strcmp(what, "accepted") == 0)
		return has_part(q, id, QUEUE_DOCUMENT, sha256);
	if (strcmp(what, "sealed") == 0)
		return strcmp(state, "sealed") == 0 &&
		       has_part(q, id, QUEUE_CONTAINER, NULL);
	if (strcmp(what, "delivered") == 0)
		return strcmp(json_string_of(delivery, "state"), "delivered") == 0;
	return strcmp(what, "create") == 0;
}

static int check(const char *socket, const char *ledger)
{
	char line[LINE_SIZE], what[16], id[32], sha256[80];
	FILE *f = fopen(ledger, "re");
	struct queue *q = NULL;
	int lost = 0, n = 0;

	if (!f || queue_connect(socket, TIMEOUT_MS, &q) < 0)
		return 2;
	while (fgets(line, sizeof(line), f)) {
		sha256[0] = '\0';
		if (sscanf(line, "%15s %31s %79s", what, id, sha256) < 2)
			continue;
		n++;
		if (kept(q, what, id, sha256))
			continue;
		lost++;
		printf("lost: %s", line);
	}
	printf("%d lines, %d lost\n", n, lost);
	queue_disconnect(q);
	fclose(f);
	return lost ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "run") == 0)
		return run(argv[2], argv[3], (int)strtol(argv[4], NULL, 10),
			(int)strtol(argv[5], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "check") == 0)
		return check(argv[2], argv[3]);
	return 2;
}
