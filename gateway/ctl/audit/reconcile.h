/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signer's count of signatures against the ledger's audit chain: one accepted
 * document, one seal, in the document itself one of each kind an attempt, or an alarm;
 * never trusts one of the two to explain itself.
 */
#ifndef SEALGATE_CTL_RECONCILE_H
#define SEALGATE_CTL_RECONCILE_H

#include "common/cleanup.h"
#include "common/span.h"

#include <stdio.h>

struct reconcile;

/* NULL: no memory. */
struct reconcile *reconcile_new(void);
void reconcile_free(struct reconcile *r);
DEFINE_CLEANUP(struct reconcile *, reconcile_free)

/* Take a line of an audit export. Return: 0, -EINVAL (no such line), -ENOMEM. */
int reconcile_audit(struct reconcile *r, struct span line);

/* Take the whole count, whose chain is verified on the way. What is wrong with it is an
 * alarm. Return: 0, -ENOMEM, -errno of reading. */
int reconcile_count(struct reconcile *r, FILE *count);

/* Take the count once more, after the ledger: what was counted while a part of the chain
 * was written that was lost when it was set back (queued.restored, queued.set-back) is no
 * alarm, but listed, where intake signed a receipt for it then or it was accepted and not
 * sealed before; one attempt of each. Return: 0, -ENOMEM, -errno of reading. */
int reconcile_lost(struct reconcile *r, FILE *count);

/* Compare and print one JSON object. Return: 1 no alarm, 0 alarms, -ENOMEM. */
int reconcile_print(struct reconcile *r, FILE *out);

#endif
