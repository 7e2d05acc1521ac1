/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One guarded download: in a process of its own, from an allowed host at an allowed
 * address, without redirects, within limits of octets, time and memory; never looks at
 * what it brought.
 */
#ifndef SEALGATE_TRUSTD_FETCH_H
#define SEALGATE_TRUSTD_FETCH_H

#include "common/span.h"
#include "policy/sources.h"

#include <netinet/in.h>

#define ETAG_SIZE 200

enum fetch_outcome { FETCH_FAILED = 0, FETCH_DONE, FETCH_NOT_MODIFIED };

struct fetch_result {
	enum fetch_outcome outcome;
	char reason[200];     /* why it failed */
	char etag[ETAG_SIZE]; /* of what was brought; "" none */
	int fd;		      /* a sealed memfd, the caller closes it; -1 */
};

/* How downloads are made. */
struct fetch_context {
	const struct sources *sources;
	const char *ca; /* PEM of authorities for https, "" the machine's */
	int stop_fd;	/* a download ends when this becomes readable */
};

/* Download a URL. etag: of what is at hand already, "" none. Return: 0 with *ret_result,
 * negative: no process or memory. */
int fetch(const struct fetch_context *c, const char *url, const char *etag,
	struct fetch_result *ret_result);

/* Ask an OCSP responder (RFC 6960 A.1, POST). Return: as fetch; not modified it never is.
 */
int fetch_ocsp(const struct fetch_context *c, const char *url, struct span request,
	struct fetch_result *ret_result);

#endif
