/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signatures a second through the running signer: bench_signer SOCKET ROLE CLIENTS
 * SECONDS. Each client is a thread with a connection of its own, as the gate's programs
 * have. With "-" for SOCKET the clients only wait 5 ms each time: the raw rate of
 * tests/bench/module_steady.c.
 */
#include "common/clock.h"
#include "common/id.h"
#include "pkcs11/client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define CLIENTS_MAX 64

static const char *path, *role;
static atomic_bool stop;
static atomic_ulong done, failed;

static void *wait_only(void *data)
{
	const struct timespec steady = { .tv_nsec = 5 * 1000 * 1000 };

	(void)data;
	while (!atomic_load(&stop)) {
		nanosleep(&steady, NULL);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void *client(void *data)
{
	uint8_t digest[32] = { 1 };
	struct signer_result result;
	struct signer *signer = NULL;
	char id[DOCUMENT_ID_SIZE];

	(void)data;
	if (id_new(id) < 0 || signer_connect(path, 10000, &signer) < 0) {
		atomic_fetch_add(&failed, 1);
		return NULL;
	}
	while (!atomic_load(&stop)) {
		int r = signer_sign(signer, role, digest, sizeof(digest), id, &result);

		atomic_fetch_add(r == SIGNER_SIGNED ? &done : &failed, 1);
		if (r < 0)
			break;
		digest[0]++;
	}
	signer_disconnect(signer);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[CLIENTS_MAX];
	unsigned long clients = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
	unsigned long seconds = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	int64_t begun;
	double took;

	if (clients < 1 || clients > CLIENTS_MAX || seconds < 1) {
		fprintf(stderr, "usage: bench_signer SOCKET ROLE CLIENTS SECONDS\n");
		return 2;
	}
	path = argv[1];
	role = argv[2];
	begun = clock_monotonic_ms();
	for (unsigned long i = 0; i < clients; i++)
		pthread_create(&threads[i], NULL,
			strcmp(path, "-") == 0 ? wait_only : client, NULL);
	sleep((unsigned int)seconds);
	atomic_store(&stop, true);
	for (unsigned long i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	took = (double)(clock_monotonic_ms() - begun) / 1000;
	printf("%s, %lu clients: %.0f signatures a second, %lu failed\n", role, clients,
		(double)atomic_load(&done) / took, atomic_load(&failed));
	return atomic_load(&failed) ? 1 : 0;
}
