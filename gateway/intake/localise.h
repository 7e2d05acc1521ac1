/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An answer in the language that was asked for; never another answer.
 */
#ifndef SEALGATE_INTAKE_LOCALISE_H
#define SEALGATE_INTAKE_LOCALISE_H

#include "intake/exchange.h"

/* Translate the sentences of an answer that is a problem, a preflight or a report, by the
 * request's Accept-Language and the policy's catalogue. What cannot be translated stays
 * as it is. */
void localise(struct exchange *x);

#endif
