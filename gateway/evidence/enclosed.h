/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the receipt in a container is worth: by its own signature, and by the seal over
 * it, whose time-stamp proves that it was there; never judges the seal.
 */
#ifndef SEALGATE_EVIDENCE_ENCLOSED_H
#define SEALGATE_EVIDENCE_ENCLOSED_H

#include "evidence/receipt.h"

enum enclosed_standing {
	ENCLOSED_UNDECIDED = 0,
	ENCLOSED_PASSED,
	ENCLOSED_FAILED, /* it is wrong, or by nobody who may make receipts */
	/* INDETERMINATE: an anchor, revocation data or time is wanting, which may come.
	 */
	ENCLOSED_WANTING,
	/* INDETERMINATE: its certificate ended or was revoked before the receipt is
	 * proven to exist, and nothing that could come changes that. */
	ENCLOSED_ENDED,
	/* INDETERMINATE: its certificate is for something else than documents. The gate
	 * of an earlier version may have made receipts with such a one, and the seal
	 * covers them. */
	ENCLOSED_UNFIT,
};

/* When, and with what, it is judged. */
struct enclosed_question {
	const struct pki_material *material; /* what the seal carries among it */
	int64_t at;
	int64_t known_at; /* revocation data issued until then counts */
	/* The times for which receipt and revocation data are proven to exist, by the
	 * earliest time-stamps over them; `at` where nothing proves any. */
	int64_t proven, data_proven;
	bool fresh; /* at release: what time mends is wanting, not wrong */
};

struct enclosed {
	enum enclosed_standing standing;
	char *reason;		      /* one sentence; owned */
	struct receipt_result result; /* at the time that counts */
};

/* Judge it by EN 319 102-1 5.6: its certificate's path at the time for which it is proven
 * to exist, which no later end or revocation breaks. Of a certificate that ended or was
 * revoked before, the reason says what it was at the time that the receipt names. Return:
 * 0 with *ret (enclosed_done), negative undecided. */
int enclosed_judge(
	struct span receipt, const struct enclosed_question *q, struct enclosed *ret);
void enclosed_done(struct enclosed *e);

#endif
