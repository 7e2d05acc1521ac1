/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Client certificates that were found good in this very second under one snapshot: who
 * asks the same again gets the same answer; never remembers a refusal, and never for
 * another second, snapshot or octet of the certificate.
 */
#ifndef SEALGATE_INTAKE_KNOWN_H
#define SEALGATE_INTAKE_KNOWN_H

#include "common/digest.h"
#include "web/certificate.h"

#include <pthread.h>
#include <stdbool.h>

#define KNOWN_MAX 32

struct known_certificate {
	int64_t at; /* when it was found good; 0: a free place */
	uint8_t asked[SHA256_SIZE];
	char sha256[SHA256_TEXT_SIZE];
	int64_t until;
};

struct known {
	pthread_mutex_t lock;
	struct known_certificate list[KNOWN_MAX];
	size_t next; /* the place to be taken, in turn */
};

void known_init(struct known *k);
void known_done(struct known *k);

/* What a request says of its client certificate, found good at `at` before as the
 * listener demands; with the certificate's digest and notAfter. */
bool known_find(struct known *k, const struct scgi_request *scgi,
	enum web_revocation revocation, int64_t at, char ret_sha256[SHA256_TEXT_SIZE],
	int64_t *ret_until);

/* It was found good at `at`. Without memory of it the next one is looked at in full. */
void known_add(struct known *k, const struct scgi_request *scgi,
	enum web_revocation revocation, int64_t at, const char sha256[SHA256_TEXT_SIZE],
	int64_t until);

#endif
