/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The engine alone, and at a size:
 *   bench_engine rate FOLDER COUNT OCTETS BATCH   accepted documents a second in batches
 *   bench_engine fill FOLDER COUNT OCTETS         documents with their whole life behind them
 *   bench_engine probe FOLDER OCTETS              what one step costs at the size it has
 *   bench_engine backlog FOLDER COUNT OCTETS DESTINATION...   sealed, waiting for delivery
 * Each prints one JSON line.
 */
#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/id.h"
#include "common/memfd.h"
#include "queue/engine.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define FILL_BATCH 128
#define PROBES 100 /* grow.py knows it */

struct bench {
	struct engine *engine;
	uint8_t *data;
	size_t octets;
	size_t receipt_len; /* of receipt */
	const char *const *destinations;
	uint32_t destination_count;
	char report[300], receipt[3200];
};

/* As an accepted document of a gate with its two destinations has it. */
static const char *const BOTH[] = { "traces", "customs" };
#define LOADED_RECEIPT 1200 /* of a filled database, to stay below 10 GB at a million */

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_engine: %s\n", what);
	exit(1);
}

static void in_transaction(struct bench *b, bool begin)
{
	must((begin ? engine_begin_bold(b->engine) : engine_commit(b->engine)) == 0,
		engine_failure_text(b->engine));
}

static void insert(struct bench *b, char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_submission s = { .state = DOCUMENT_ACCEPTED,
		.size = (uint32_t)b->octets,
		.received = clock_now(),
		.destination_count = b->destination_count,
		.partner = "bench",
		.country = "MA",
		.type = "PHYTO",
		.status = "70" };
	struct queue_document first;
	char record[900], names[200] = "";
	struct engine_parts p;

	for (uint32_t i = 0; i < b->destination_count; i++) {
		size_t n = strlen(names);

		snprintf(s.destinations[i], DESTINATION_NAME_SIZE, "%s",
			b->destinations[i]);
		snprintf(names + n, sizeof(names) - n, "%s\"%s\"", i ? "," : "",
			b->destinations[i]);
	}
	must(id_new(s.id) == 0, "id");
	memcpy(b->data, s.id, sizeof(s.id));
	memcpy(s.number, s.id, sizeof(s.id));
	digest_sha256(span_of(b->data, b->octets), s.sha256);
	snprintf(record, sizeof(record),
		"{\"actor\":\"bench\",\"at\":\"2026-06-05T12:00:00Z\",\"detail\":"
		"{\"destinations\":[%s],\"text\":\"%0560d\"},\"document\":\"%s\","
		"\"event\":\"document.accepted\"}",
		names, 0, s.id);
	p = (struct engine_parts){ .document = span_of(b->data, b->octets),
		.report = span_of(b->report, sizeof(b->report)),
		.receipt = span_of(b->receipt, b->receipt_len),
		.record = span_str(record) };
	must(engine_mark(b->engine) == 0, "mark");
	must(engine_insert(b->engine, &s, &p, &first) == QUEUE_DONE, "insert");
	must(engine_unmark(b->engine, true) == 0, "unmark");
	memcpy(ret_id, s.id, DOCUMENT_ID_SIZE);
}

static void seal(struct bench *b)
{
	int fds[3] = { -1, -1, -1 };
	struct queue_claim c;
	int64_t due;

	must(engine_claim_seal(b->engine, clock_now(), 60, &c, fds, &due) == QUEUE_DONE,
		"claim");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	must(engine_sealed(b->engine, clock_now(), c.document.id, c.fence,
		     span_of(b->receipt, b->receipt_len)) == QUEUE_DONE,
		"sealed");
}

static void deliver(struct bench *b)
{
	struct queue_delivery_result_request q = { .state = DELIVERY_DELIVERED };
	struct queue_claim c;
	int64_t due;
	int fd;

	must(engine_claim_delivery(b->engine, clock_now(), "traces", 60, 0, &c, &fd, &due) ==
			QUEUE_DONE,
		"claim");
	close(fd);
	q.fence = c.fence;
	memcpy(q.id, c.document.id, sizeof(q.id));
	memcpy(q.destination, c.destination, sizeof(q.destination));
	must(engine_delivery_result(b->engine, clock_now(), &q) == QUEUE_DONE, "result");
}

static double seconds_since(int64_t start_us)
{
	return (double)(clock_now_us() - start_us) / 1e6;
}

static int rate(struct bench *b, long count, long batch)
{
	char id[DOCUMENT_ID_SIZE];
	int64_t start = clock_now_us();

	b->destination_count = 2;
	b->receipt_len = sizeof(b->receipt);

	for (long n = 0; n < count; n += batch) {
		in_transaction(b, true);
		for (long i = 0; i < batch; i++)
			insert(b, id);
		in_transaction(b, false);
		must(engine_maintain(b->engine, false) == 0, "maintain");
	}
	printf("{\"documents\":%ld,\"per_second\":%.0f}\n", count,
		(double)count / seconds_since(start));
	return 0;
}

/* With their whole life behind them, or with their deliveries still to be made. */
static int fill(struct bench *b, long count, bool delivered)
{
	char id[DOCUMENT_ID_SIZE];
	int64_t start = clock_now_us();

	for (long n = 0; n < count;) {
		in_transaction(b, true);
		for (long i = 0; i < FILL_BATCH && n < count; i++, n++) {
			insert(b, id);
			seal(b);
			if (delivered)
				deliver(b);
		}
		in_transaction(b, false);
		must(engine_maintain(b->engine, false) == 0, "maintain");
	}
	printf("{\"documents\":%ld,\"seconds\":%.1f}\n", count, seconds_since(start));
	return 0;
}

static int backlog(struct bench *b, long count, int destinations, char **names)
{
	b->destinations = (const char *const *)names;
	b->destination_count = (uint32_t)destinations;
	return fill(b, count, false);
}

/* Milliseconds of one step, the mean of many; each in a transaction of its own. */
static double step_ms(struct bench *b, void (*step)(struct bench *b))
{
	int64_t start = clock_now_us();

	for (int i = 0; i < PROBES; i++) {
		in_transaction(b, true);
		step(b);
		in_transaction(b, false);
	}
	return seconds_since(start) * 1000 / PROBES;
}

static char last_id[DOCUMENT_ID_SIZE];

static void step_insert(struct bench *b)
{
	for (int i = 0; i < 16; i++)
		insert(b, last_id);
}

static void step_explain(struct bench *b)
{
	int fd;

	must(engine_explain(b->engine, last_id, &fd) == QUEUE_DONE, "explain");
	close(fd);
}

static void step_stats(struct bench *b)
{
	int fd;

	must(engine_stats(b->engine, clock_now(), &fd) == QUEUE_DONE, "stats");
	close(fd);
}

static double cpu_us(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return 1e6 * (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static int probe(struct bench *b, double open_ms)
{
	double before = cpu_us(), batch = step_ms(b, step_insert),
	       used = (cpu_us() - before) / (16 * PROBES), claim_seal = step_ms(b, seal),
	       claim = step_ms(b, deliver), explain = step_ms(b, step_explain),
	       stats = step_ms(b, step_stats);
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	printf("{\"open_ms\":%.1f,\"accepts_per_second\":%.0f,\"seal_ms\":%.2f,"
	       "\"deliver_ms\":%.2f,\"explain_ms\":%.2f,\"stats_ms\":%.2f,"
	       "\"accept_cpu_us\":%.1f,\"memory_mb\":%.1f}\n",
		open_ms, 16000 / batch, claim_seal, claim, explain, stats,
		used, (double)use.ru_maxrss / 1024);
	return 0;
}

/* As queued leaves it beside the database, so that it serves this one. */
static void write_head(const struct bench *b, const char *folder)
{
	struct engine_head head = engine_head(b->engine);
	char hex[SHA256_TEXT_SIZE], path[PATH_MAX], text[128];

	hex_encode(head.chain, SHA256_SIZE, hex);
	snprintf(path, sizeof(path), "%s/head", folder);
	snprintf(text, sizeof(text), "%lld:%s\n", (long long)head.position, hex);
	must(durable_write(path, span_str(text), 0644) == 0, "head");
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	char *error = NULL;
	int64_t start = clock_now_us();
	bool is_probe = argc == 4 && strcmp(argv[1], "probe") == 0;
	int status = 2;

	if (!is_probe && argc < 5)
		return 2;
	must(engine_open(argv[2], &b.engine, &error) == 0, error ? error : "open");
	b.octets = (size_t)strtol(argv[is_probe ? 3 : 4], NULL, 10);
	b.data = calloc(1, b.octets);
	must(b.data && b.octets > 64, "octets");
	b.destinations = BOTH;
	b.destination_count = 1;
	b.receipt_len = LOADED_RECEIPT;
	if (is_probe)
		status = probe(&b, seconds_since(start) * 1000);
	else if (strcmp(argv[1], "rate") == 0 && argc == 6)
		status = rate(&b, strtol(argv[3], NULL, 10), strtol(argv[5], NULL, 10));
	else if (strcmp(argv[1], "fill") == 0)
		status = fill(&b, strtol(argv[3], NULL, 10), true);
	else if (strcmp(argv[1], "backlog") == 0 && argc > 5)
		status = backlog(&b, strtol(argv[3], NULL, 10), argc - 5, argv + 5);
	engine_maintain(b.engine, true);
	write_head(&b, argv[2]);
	engine_close(b.engine);
	free(b.data);
	return status;
}
