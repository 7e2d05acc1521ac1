/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the appliance's health check asks of intake: a document of nobody's, with the way
 * of a partner's up to a commit of nothing; never stores, counts or signs anything.
 */
#ifndef SEALGATE_INTAKE_PROBE_H
#define SEALGATE_INTAKE_PROBE_H

#include "intake/exchange.h"

/* Whose question a request is: the program that alone may ask it. nginx hands no member
 * of this name over, whatever a client sends. */
#define PROBE_MEMBER "PROBE"
const char *probe_asker(const struct request *r);

/* Judge the body, in the share of nobody. Fills x->response: 200 with the digest when
 * verify refused it as it must, by the policy in force here, the signer would sign a
 * receipt for us, and queued committed, as durably as a document, what stands for
 * nothing; else the problem that a partner would be told, of signer and queued with why:
 * the signer's own words, queue_why_text. */
void probe(struct exchange *x);

#endif
