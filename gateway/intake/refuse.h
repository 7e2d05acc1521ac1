/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whoever is not let in although nginx did: the problem, with what sealgate-handshake has
 * to say of the certificate, which keeps a record. Never lets anybody in.
 */
#ifndef SEALGATE_INTAKE_REFUSE_H
#define SEALGATE_INTAKE_REFUSE_H

#include "intake/exchange.h"

/* Answer with the problem as problem() does, and with the explanation where there is one
 * (web/explain.h). */
void refuse(
	struct exchange *x, const char *code, const char *received, const char *detail);

#endif
