/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the report of an accepted document encloses beside the judgement, so that the
 * evidence has it under the seal; private to admit.c, never judges.
 */
#ifndef SEALGATE_POLICY_ENCLOSED_H
#define SEALGATE_POLICY_ENCLOSED_H

#include "common/buf.h"

#include <jansson.h>
#include <libxml/tree.h>

#define ENCLOSED_MAX (512u * 1024) /* octets of one; what is larger is left out */

/* {"data": what the document says, of document/view.h (JSON), "rendering": the same as a
 * page (HTML), "validation": the report of ETSI TS 119 102-2 (XML)}, each as
 * common/deflated.h has it, so that whoever reads a report pays little for them; null for
 * what is larger than ENCLOSED_MAX. tree: the signed octets' without signatures. Return:
 * a new reference or NULL. */
json_t *enclosed(xmlDoc *tree, struct span validation);

#endif
