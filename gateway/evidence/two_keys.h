/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whoever may have receipts signed must not be able to make seals: what a container shows
 * of that; never judges either signature.
 */
#ifndef SEALGATE_EVIDENCE_TWO_KEYS_H
#define SEALGATE_EVIDENCE_TWO_KEYS_H

#include "evidence/enclosed.h"

/* With one key for both they could; and so, when nobody vouches for the receipt's signer,
 * with the certificate of receipts for the seal. Then the seal's certificate must be for
 * commitments (nonRepudiation) alone, or for them, too, and the container hold the path
 * by which the receipt passed: its anchor was taken out since. seal: its signer; receipt,
 * q: as enclosed_judge, e: its answer; excused: the second is not asked for. Return: 0
 * with *ret_why, NULL or a sentence (static text), negative undecided. */
int two_keys_check(X509 *seal, struct span receipt, const struct enclosed_question *q,
	const struct enclosed *e, bool excused, const char **ret_why);

#endif
