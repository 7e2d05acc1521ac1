/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/enclosed.h"

#include "common/clock.h"

#include <errno.h>
#include <stdio.h>

void enclosed_done(struct enclosed *e)
{
	free(e->reason);
	receipt_result_done(&e->result);
	*e = (struct enclosed){ 0 };
}

static int verify_at(struct span receipt, const struct enclosed_question *q, int64_t at,
	struct receipt_result *ret)
{
	return receipt_verify_in(receipt,
		&(struct receipt_context){
			.material = q->material, .at = at, .known_at = q->known_at },
		ret);
}

static int64_t end_of(const X509 *signer)
{
	int64_t from, to;

	return signer && pki_certificate_validity(signer, &from, &to) == 0 ? to
									   : INT64_MAX;
}

/* Of a certificate that has ended, revocation data that speaks of it comes no more. */
static bool ended(const struct receipt_result *r, const struct enclosed_question *q)
{
	switch (r->path.outcome) {
	case PKI_EXPIRED:
	case PKI_CA_EXPIRED:
	case PKI_REVOKED:
	case PKI_REVOKED_CA:
		return true;
	case PKI_NO_REVOCATION_DATA:
	case PKI_STALE_REVOCATION:
		return end_of(r->signer) < q->proven;
	case PKI_UNDECIDED:
	case PKI_PASSED:
	case PKI_NO_PATH:
	case PKI_CHAIN_INVALID:
	case PKI_CONSTRAINTS:
	case PKI_NOT_YET_VALID:
	case PKI_WEAK:
	case PKI_ON_HOLD:
	default:
		return false;
	}
}

static enum enclosed_standing standing_of(
	const struct receipt_result *r, const struct enclosed_question *q)
{
	enum pki_outcome o = r->path.outcome;

	if (r->outcome == RECEIPT_PASSED)
		return ENCLOSED_PASSED;
	if (r->outcome != RECEIPT_PATH)
		return ENCLOSED_FAILED;
	if (ended(r, q))
		return ENCLOSED_ENDED;
	if (pki_outcome_wanting(o) || o == PKI_ON_HOLD ||
		(q->fresh && (o == PKI_NOT_YET_VALID || o == PKI_WEAK)))
		return ENCLOSED_WANTING;
	if (o == PKI_CONSTRAINTS && !pki_for_documents(r->signer))
		return ENCLOSED_UNFIT;
	return ENCLOSED_FAILED;
}

/* "ended on ...", of whatever ended first as far as it is known. */
static void say_end(const struct receipt_result *r, char *ret, size_t size)
{
	bool revoked =
		r->path.outcome == PKI_REVOKED || r->path.outcome == PKI_REVOKED_CA;
	int64_t when = revoked ? r->path.revoked_at : end_of(r->signer);
	char at[CLOCK_TEXT_SIZE];

	clock_format(when > 0 ? when : 0, at);
	if (r->path.outcome == PKI_CA_EXPIRED)
		(void)snprintf(ret, size, "of a CA above the receipt's has ended");
	else if (r->path.outcome == PKI_REVOKED_CA)
		(void)snprintf(
			ret, size, "of a CA above the receipt's was revoked on %s", at);
	else
		(void)snprintf(ret, size, "of the receipt %s on %s",
			revoked ? "was revoked" : "ended", at);
}

/* What the certificate was at the time that the receipt names, which is a claim: whoever
 * had the key could make one of any time. */
static int explain_end(
	struct span receipt, const struct enclosed_question *q, struct enclosed *e)
{
	const char *text = json_string_of(e->result.claims, "received");
	struct receipt_result then = { 0 };
	char proven[CLOCK_TEXT_SIZE], what[100];
	const char *was = "it names no time";
	int64_t received;
	int r = 0;

	if (text && clock_parse(text, &received) == 0) {
		r = verify_at(receipt, q, received, &then);
		was = then.outcome == RECEIPT_PASSED ? "it was in order" : then.reason;
	}
	if (r < 0)
		return r;
	clock_format(q->proven, proven);
	say_end(&e->result, what, sizeof(what));
	r = asprintf(&e->reason,
		"The certificate %s, and that the receipt is older is not proven (it was "
		"there on %s). At the time that the receipt names%s%s: %s.",
		what, proven, text ? ", " : "", text ? text : "", was);
	receipt_result_done(&then);
	if (r < 0)
		e->reason = NULL;
	return r < 0 ? -ENOMEM : 0;
}

/* EN 319 102-1 5.6.2.2: who revoked a CA may say since when others had its key, and those
 * can make revocation data: it must be proven to be older. */
static int look_at_cas(
	struct span receipt, const struct enclosed_question *q, struct enclosed *e)
{
	struct receipt_result now = { 0 };
	int r;

	if (e->standing != ENCLOSED_PASSED || q->proven >= q->at)
		return 0;
	r = verify_at(receipt, q, q->at, &now);
	if (r == 0 && now.outcome == RECEIPT_PATH && now.path.outcome == PKI_REVOKED_CA &&
		now.path.revoked_at <= q->data_proven) {
		receipt_result_done(&e->result);
		e->result = now;
		e->standing = ENCLOSED_ENDED;
		return 0;
	}
	receipt_result_done(&now);
	return r;
}

int enclosed_judge(
	struct span receipt, const struct enclosed_question *q, struct enclosed *ret)
{
	struct enclosed e = { 0 };
	int r = verify_at(receipt, q, q->proven, &e.result);

	if (r == 0) {
		e.standing = standing_of(&e.result, q);
		r = look_at_cas(receipt, q, &e);
	}
	if (r == 0 && e.standing == ENCLOSED_ENDED)
		r = explain_end(receipt, q, &e);
	else if (r == 0 && !(e.reason = strdup(e.result.reason)))
		r = -ENOMEM;
	if (r < 0)
		enclosed_done(&e);
	else
		*ret = e;
	return r;
}
