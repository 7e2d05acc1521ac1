/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whoever is not let in although nginx did: the problem, with what sealgate-handshake has
 * to say of the certificate, which keeps a record. Never lets anybody in.
 */
#ifndef SEALGATE_INTAKE_REFUSE_H
#define SEALGATE_INTAKE_REFUSE_H

#include "intake/exchange.h"

/* Answer with the problem as problem() does. Where the program does not answer in
 * REFUSE_MS the problem is without its explanation, as it is where more threads wait for
 * it than may (patience.h). */
#define REFUSE_MS 1000
void refuse(
	struct exchange *x, const char *code, const char *received, const char *detail);

#endif
