/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who asks: the client certificate that nginx verified, verified again here; never
 * anything else of the request.
 */
#ifndef SEALGATE_INTAKE_IDENTITY_H
#define SEALGATE_INTAKE_IDENTITY_H

#include "intake/exchange.h"

/* Identify the partner, or at their listener the customs office, of the request under
 * x->snapshot; sets x->partner and x->certificate. Return: 1, 0 when x->response holds
 * the problem. */
int identify(struct exchange *x, int64_t at);

#endif
