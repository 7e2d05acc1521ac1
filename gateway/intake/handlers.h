/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What answers each resource of the table in http.c; never called before the partner is
 * identified.
 */
#ifndef SEALGATE_INTAKE_HANDLERS_H
#define SEALGATE_INTAKE_HANDLERS_H

#include "intake/exchange.h"

/* Each fills x->response. */
void post_document(struct exchange *x);
void post_preflight(struct exchange *x);
void get_document(struct exchange *x);
void get_receipt(struct exchange *x);
void get_report(struct exchange *x);
void get_evidence(struct exchange *x);
void get_events(struct exchange *x);
void get_customs_evidence(struct exchange *x);
void get_outcomes(struct exchange *x);
void post_acknowledgement(struct exchange *x);
void get_status(struct exchange *x);
void get_status_of(struct exchange *x);
void get_certificates(struct exchange *x);
void get_handshakes(struct exchange *x);
void get_policy(struct exchange *x);
void get_codes(struct exchange *x);
void get_code_list(struct exchange *x);

#endif
