/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Qualifications of a trust service (TS 119 612, 5.5.9.2): qualifiers for the
 * certificates that criteria pick, as JSON (trust/rules.h judges by them); never drops
 * silently what it does not know.
 *
 *   [ { "qualifiers": [URI, ...], "criteria": CRITERIA }, ... ]
 *   CRITERIA: { "assert": "all|atLeastOne|none", "usage": [{"name": bool, ...}, ...],
 *               "policies": [[OID, ...], ...], "purposes": [[OID, ...], ...],
 *               "lists": [CRITERIA, ...], "unknown": bool }
 */
#ifndef SEALGATE_TRUST_CRITERIA_H
#define SEALGATE_TRUST_CRITERIA_H

#include "common/json.h"

#include <libxml/tree.h>

#define CRITERIA_DEPTH_MAX 8

/* Add the qualifications of an Extension to *qualifications (made when NULL); one without
 * any changes nothing. Return: 0, -EINVAL nested too deep, -ENOMEM. */
int criteria_read(const xmlNode *extension, json_t **qualifications);

#endif
