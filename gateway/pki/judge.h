/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The judgement of one chain: constraints, times, revocation, strength, in that order of
 * weight; never searches for another chain.
 */
#ifndef SEALGATE_PKI_JUDGE_H
#define SEALGATE_PKI_JUDGE_H

#include "pki/nest.h"
#include "pki/path.h"

/* chain: target first, anchor last; a single certificate is an anchor as target.
 * Return: 0 with *ret filled (chain included), negative undecided. */
int pki_judge(const struct pki_path_request *request, STACK_OF(X509) * chain,
	const struct pki_nest *nest, struct pki_path_result *ret);

/* "SUBJECT: why", which the caller frees. NULL when memory ran out. */
char *pki_about(const X509 *certificate, const char *why);

#endif
