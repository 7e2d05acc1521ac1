/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The receipt as an SPSAcknowledgement (version 17) for systems that read XML only; never
 * says more than the signed receipt inside, and never parses XML.
 */
#ifndef SEALGATE_INTAKE_ACKNOWLEDGEMENT_H
#define SEALGATE_INTAKE_ACKNOWLEDGEMENT_H

#include "common/span.h"

#include <jansson.h>

/* The root element in canonical form, ready for receipt_seal_prepare.
 * receipt: flattened JWS; facts: of the report, may be NULL. The caller frees *ret_xml.
 * Return: 0, -EBADMSG for a receipt that is none, -ENOMEM. */
int acknowledgement_write(struct span receipt, const json_t *facts, char **ret_xml);

#endif
