/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Why a client certificate was not accepted, in words: from the certificate itself, the
 * authorities that this gate has, and what nginx said. Never decides who is let in.
 */
#ifndef SEALGATE_HANDSHAKE_DIAGNOSIS_H
#define SEALGATE_HANDSHAKE_DIAGNOSIS_H

#include "common/finding.h"

#include <openssl/x509.h>
#include <stdint.h>

/* What nginx says when there was no certificate ($ssl_client_verify). */
#define DIAGNOSIS_NONE "NONE"

/* Add what is wrong, the worst first, at least one finding handshake.* of error severity.
 * certificate NULL: none that could be read. verify: $ssl_client_verify. authorities:
 * what nginx verifies against; may be empty. */
void diagnosis_make(X509 *certificate, const char *verify,
	const STACK_OF(X509) * authorities, int64_t at, struct findings *findings);

/* The same where nginx let the certificate pass and intake did not: the code of its
 * problem (partner.*) and what it says beyond that, or "". */
void diagnosis_refused(X509 *certificate, const char *code, const char *reason,
	const STACK_OF(X509) * authorities, int64_t at, struct findings *findings);

#endif
