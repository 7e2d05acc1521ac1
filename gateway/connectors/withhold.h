/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What of destinations' decisions may go back to a partner, as its policy file says (Reg.
 * (EU) 2017/625 Art. 107(2): prior agreement, cooperation, data protection); never
 * whether a document was delivered.
 */
#ifndef SEALGATE_CONNECTORS_WITHHOLD_H
#define SEALGATE_CONNECTORS_WITHHOLD_H

#include "policy/policy.h"
#include "queue/types.h"

#include <jansson.h>

/* Of each object of the array that names a "destination" the partner is not told the
 * words of: "reply_id" and "detail" become "", "withheld" is true. */
void withhold_words(const struct partner *p, json_t *list);

/* Of each audit event about such a destination the record becomes null; its hash stays,
 * so that the chain can still be followed. */
void withhold_records(const struct partner *p, json_t *events);

/* Without a ground for it (policy, `disclosure`) a partner is not told what the EU
 * decided: elements that are about a decision, or about telling of it, go out of the list
 * of deliveries or outcomes. */
void withhold_decisions(const struct partner *p, json_t *list);

/* The state of a document as the partner may know it. */
enum document_state withhold_state(const struct partner *p, enum document_state s);

#endif
