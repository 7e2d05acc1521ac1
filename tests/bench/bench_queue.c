/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many durable commits a second queued makes, and how long one takes:
 *   bench_queue SOCKET CLIENTS SECONDS OCTETS
 * prints one JSON line. The instance should be a fresh one.
 */
#include "common/clock.h"
#include "common/id.h"
#include "common/memfd.h"
#include "queue/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 200000

struct bench {
	const char *socket;
	size_t octets;
	int64_t until_ms;
	atomic_int done, failed;
	int64_t *samples_us;
};

static int commit_one(struct queue *q, uint8_t *data, size_t octets, int n)
{
	struct queue_submission s = { .state = DOCUMENT_ACCEPTED,
		.size = (uint32_t)octets,
		.received = clock_now(),
		.destination_count = 2,
		.partner = "bench",
		.country = "MA",
		.type = "851",
		.status = "70",
		.destinations = { "traces", "customs" } };
	static const char filler[4096] = "report";
	struct queue_document first;
	char record[600];
	int document, report, r;

	if (id_new(s.id) < 0)
		return -1;
	memcpy(data, s.id, sizeof(s.id));
	snprintf(s.number, sizeof(s.number), "%s-%d", s.id, n);
	digest_sha256(span_of(data, octets), s.sha256);
	snprintf(record, sizeof(record),
		"{\"actor\":\"bench\",\"at\":\"2026-06-05T12:00:00Z\",\"detail\":{"
		"\"number\":\"%s\","
		"\"text\":\"%0200d\"},\"document\":\"%s\",\"event\":\"document."
		"accepted\"}",
		s.number, 0, s.id);
	document = memfd_from("d", span_of(data, octets));
	report = memfd_from("r", span_of(filler, sizeof(filler)));
	r = queue_commit(q, &s, document, report, span_of(filler, 2000), span_str(record),
		&first);
	close(document);
	close(report);
	return r;
}

static void *run(void *arg)
{
	struct bench *b = arg;
	struct queue *q = NULL;
	uint8_t *data = calloc(1, b->octets);

	if (!data || queue_connect(b->socket, 30000, &q) < 0) {
		atomic_fetch_add(&b->failed, 1);
		return NULL;
	}
	for (int n = 0; clock_monotonic_ms() < b->until_ms; n++) {
		int64_t start = clock_now_us();
		int r = commit_one(q, data, b->octets, n), i;

		if (r != QUEUE_DONE) {
			atomic_fetch_add(&b->failed, 1);
			break;
		}
		i = atomic_fetch_add(&b->done, 1);
		if (i < SAMPLES_MAX)
			b->samples_us[i] = clock_now_us() - start;
	}
	queue_disconnect(q);
	free(data);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	struct bench b = { 0 };
	int clients, seconds, n;

	if (argc != 5)
		return 2;
	clients = (int)strtol(argv[2], NULL, 10);
	seconds = (int)strtol(argv[3], NULL, 10);
	b.socket = argv[1];
	b.octets = (size_t)strtol(argv[4], NULL, 10);
	b.samples_us = calloc(SAMPLES_MAX, sizeof(int64_t));
	if (clients < 1 || clients > 64 || seconds < 1 || b.octets < 64 || !b.samples_us)
		return 2;
	b.until_ms = clock_monotonic_ms() + seconds * 1000;
	for (int i = 0; i < clients; i++)
		pthread_create(&threads[i], NULL, run, &b);
	for (int i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	n = b.done < SAMPLES_MAX ? b.done : SAMPLES_MAX;
	qsort(b.samples_us, (size_t)n, sizeof(int64_t), by_value);
	printf("{\"clients\":%d,\"octets\":%zu,\"commits\":%d,\"failed\":%d,\"per_"
	       "second\":%.0f,"
	       "\"p50_ms\":%.2f,\"p95_ms\":%.2f,\"p99_ms\":%.2f}\n",
		clients, b.octets, b.done, b.failed, (double)b.done / seconds,
		n ? (double)b.samples_us[n / 2] / 1000 : 0.0,
		n ? (double)b.samples_us[n * 95 / 100] / 1000 : 0.0,
		n ? (double)b.samples_us[n * 99 / 100] / 1000 : 0.0);
	return b.failed ? 1 : 0;
}
