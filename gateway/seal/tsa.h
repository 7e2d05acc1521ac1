/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * RFC 3161 over HTTP (clause 3.4): a query out, a reply back; never reads either, never
 * follows a redirect, never speaks anything but http and https.
 */
#ifndef SEALGATE_SEAL_TSA_H
#define SEALGATE_SEAL_TSA_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/daemon.h"
#include "common/span.h"

#include <stdbool.h>

#define TSA_REPLY_MAX (64u * 1024)

struct tsa;

/* A connection to one authority for one thread, through a proxy ("": none), which is
 * borrowed as long as it lives. daemon: its end aborts a query. Return: NULL when memory
 * ran out. */
struct tsa *tsa_new(
	const char *url, const char *proxy, int timeout_ms, const struct daemon *daemon);
void tsa_free(struct tsa *t);
DEFINE_CLEANUP(struct tsa *, tsa_free)

/* Ask. *ret (started with TSA_REPLY_MAX) receives the reply's octets. *ret_lasting:
 * asking again will not help before a person changed something (a status of 400 to 499
 * other than 408, 425 and 429, or no reply by its type; through a proxy by plain http 403
 * and 407 are perhaps its own and not lasting). Return: 1 a reply, 0 none, with
 * one line in ret_reason. */
int tsa_ask(struct tsa *t, struct span query, struct buf *ret, bool *ret_lasting,
	char *ret_reason, size_t size);

#endif
