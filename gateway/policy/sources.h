/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where trust material is fetched from, policies/trust/sources.cfg: addresses, whose
 * signature it must bear, how often, and what may be asked at all; never a connection.
 */
#ifndef SEALGATE_POLICY_SOURCES_H
#define SEALGATE_POLICY_SOURCES_H

#include "common/cleanup.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define SOURCES_MAX 256
#define SOURCE_NAME_SIZE 64
#define SOURCE_URL_SIZE 1024
#define SOURCE_HOST_SIZE 256
#define SOURCE_HOSTS_MAX 256

/* A CRL, or the OCSP response about one certificate. */
struct source {
	char name[SOURCE_NAME_SIZE]; /* published as NAME.crl or NAME.ocsp */
	char url[SOURCE_URL_SIZE];
	char issuer[PATH_MAX]; /* absolute: the certificate that must have signed it */
	char certificate[PATH_MAX]; /* absolute; "": a CRL */
	bool nonce_demanded;
	int every_s;
};

/* The EU's trusted lists. */
struct source_lists {
	char lotl[SOURCE_URL_SIZE]; /* "": none are fetched */
	char journal[PATH_MAX];	    /* absolute: signers by the Official Journal, PEM */
	int every_s;
};

struct sources {
	struct source *list;
	size_t count;
	struct source_lists lists;
	char (*hosts)[SOURCE_HOST_SIZE]; /* HOST or HOST:PORT, as in the URL */
	size_t host_count;
	char proxy[SOURCE_URL_SIZE]; /* "": none */
	bool any_address;	     /* also private and loopback; TEST instances only */
	int timeout_s;
	int max_octets;
};

/* Read the file below policies; absent: nothing is fetched. test: whether addresses =
 * "any" is allowed. *ret_error: one line FILE:LINE: what, the caller frees. Return: 0
 * with *ret_sources (sources_free), -EINVAL, -errno. */
int sources_load(
	const char *policies, bool test, struct sources **ret_sources, char **ret_error);
void sources_free(struct sources *s);
DEFINE_CLEANUP(struct sources *, sources_free)

/* Whether a URL may be asked: http or https, no user, a host of the list. */
bool sources_allow(const struct sources *s, const char *url);

#endif
