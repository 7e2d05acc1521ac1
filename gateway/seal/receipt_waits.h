/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Certificates of receipts that could not be proven lately: their documents wait, and
 * nobody else's; one in a while is tried. Never why they could not be proven.
 */
#ifndef SEALGATE_SEAL_RECEIPT_WAITS_H
#define SEALGATE_SEAL_RECEIPT_WAITS_H

#include "common/digest.h"
#include "common/span.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many at once; of more the one that was tried longest ago is forgotten, and so tried
 * again at once. */
#define RECEIPT_WAITS_MAX 8
#define RECEIPT_WAITS_MIN_MS 1000
#define RECEIPT_WAITS_LONGEST_MS 60000

struct receipt_wait {
	uint8_t signer[SHA256_SIZE];
	int64_t until; /* monotonic ms */
	int delay;
};

/* What the threads have in common. */
struct receipt_waits {
	pthread_mutex_t lock;
	struct receipt_wait list[RECEIPT_WAITS_MAX];
	size_t count;
};

void receipt_waits_init(struct receipt_waits *w);

/* Whose receipt it is: a digest of what receipts by one certificate have in common.
 * Return: 0, -EINVAL it is no receipt, -ENOMEM. */
int receipt_signer_of(struct span receipt, uint8_t ret_signer[SHA256_SIZE]);

/* May a document with a receipt of that signer be tried? Of those that wait one may, and
 * the next after the delay. */
bool receipt_waits_ask(
	struct receipt_waits *w, const uint8_t signer[SHA256_SIZE], int64_t now);

/* It could not be proven, or it could. */
void receipt_waits_failed(
	struct receipt_waits *w, const uint8_t signer[SHA256_SIZE], int64_t now);
void receipt_waits_worked(struct receipt_waits *w, const uint8_t signer[SHA256_SIZE]);

#endif
