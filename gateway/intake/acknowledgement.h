/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The receipt as an SPSAcknowledgement (version 17) for systems that read XML only; never
 * more than a wrapping: what counts is the signed receipt inside.
 */
#ifndef SEALGATE_INTAKE_ACKNOWLEDGEMENT_H
#define SEALGATE_INTAKE_ACKNOWLEDGEMENT_H

#include "common/span.h"

#include <jansson.h>

/* receipt: flattened JWS; facts: of the report, may be NULL. The caller frees *ret_xml.
 * Return: 0, -EBADMSG for a receipt that is none, -ENOMEM. */
int acknowledgement_write(struct span receipt, const json_t *facts, char **ret_xml);

#endif
