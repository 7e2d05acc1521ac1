/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Why a TLS connection could not be made, naming the certificate that was at fault; never
 * makes a failed check pass.
 */
#ifndef SEALGATE_CTL_TLS_REASON_H
#define SEALGATE_CTL_TLS_REASON_H

#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdbool.h>

struct tls_reason {
	char text[1024]; /* one line, or "" when the server's certificate passed */
	const char
		*certificate; /* PEM file of ours, with its chain, when key is not NULL */
	EVP_PKEY *key;	      /* borrowed: on a token, else curl reads its file */
};

/* Have the check of the server's certificate explained in *reason, which must live as
 * long as easy. */
CURLcode tls_reason_watch(CURL *easy, struct tls_reason *reason);

/* What is wrong with a client certificate (PEM file) before it is sent: not readable, not
 * yet or no longer valid, not of this key, a token that does not open, of which
 * *reason gets the key otherwise. Return: true when *reason says so. */
bool tls_reason_client(
	const char *certificate, const char *key, struct tls_reason *reason);

#endif
