/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Clients that submit documents over mutual TLS as fast as they are answered.
 *
 *   bench_load CLIENTS CA CERT KEY URL FILE...      each file is posted once
 *
 * Prints JSON: seconds, requests, those answered 2xx, requests/s, p50 and p99 in ms, and
 * the CPU seconds that the clients took themselves.
 */
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/limits.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CLIENTS_MAX 64

struct load {
	const char *ca, *certificate, *key, *url;
	char **files;
	size_t count;
	atomic_size_t next, good;
	double *ms;
};

static size_t drop(char *data, size_t size, size_t count, void *user)
{
	(void)data;
	(void)user;
	return size * count;
}

static CURL *client_of(const struct load *l, struct curl_slist *headers)
{
	CURL *c = curl_easy_init();

	curl_easy_setopt(c, CURLOPT_URL, l->url);
	curl_easy_setopt(c, CURLOPT_CAINFO, l->ca);
	curl_easy_setopt(c, CURLOPT_SSLCERT, l->certificate);
	curl_easy_setopt(c, CURLOPT_SSLKEY, l->key);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	return c;
}

static void one(struct load *l, CURL *c, size_t i)
{
	_cleanup_(freep) uint8_t *body = NULL;
	int64_t start;
	size_t len;
	long status = 0;

	if (file_read(l->files[i], LIMIT_DOCUMENT, &body, &len) < 0)
		return;
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	start = clock_now_us();
	if (curl_easy_perform(c) == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	l->ms[i] = (double)(clock_now_us() - start) / 1000.0;
	if (status / 100 == 2)
		atomic_fetch_add(&l->good, 1);
}

static void *run(void *argument)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/xml");
	struct load *l = argument;
	CURL *c = client_of(l, headers);
	size_t i;

	while ((i = atomic_fetch_add(&l->next, 1)) < l->count)
		one(l, c, i);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double cpu_seconds(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	static struct load l;
	pthread_t threads[CLIENTS_MAX];
	int64_t start;
	double seconds;
	long clients;

	if (argc < 7)
		return 2;
	clients = strtol(argv[1], NULL, 10);
	l.ca = argv[2];
	l.certificate = argv[3];
	l.key = argv[4];
	l.url = argv[5];
	l.files = argv + 6;
	l.count = (size_t)argc - 6;
	l.ms = calloc(l.count, sizeof(*l.ms));
	if (!l.ms || clients < 1 || clients > CLIENTS_MAX)
		return 2;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	start = clock_now_us();
	for (long i = 0; i < clients; i++)
		pthread_create(&threads[i], NULL, run, &l);
	for (long i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	seconds = (double)(clock_now_us() - start) / 1e6;
	qsort(l.ms, l.count, sizeof(*l.ms), by_value);
	printf("{\"seconds\": %.2f, \"requests\": %zu, \"good\": %zu, \"per_second\": %.1f, "
	       "\"p50_ms\": %.2f, \"p99_ms\": %.2f, \"cpu\": %.3f}\n",
		seconds, l.count, (size_t)l.good, (double)l.count / seconds, l.ms[l.count / 2],
		l.ms[l.count * 99 / 100], cpu_seconds());
	return l.good == l.count ? 0 : 1;
}
