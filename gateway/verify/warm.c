/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/warm.h"

#include "common/clock.h"
#include "common/json.h"
#include "xades/trial.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <time.h>

#define DOCUMENT_MAX 65536

/* A document of a type that most policies know, so that schema and rules run, too. */
static const char DOCUMENT[] =
	"<a:SPSCertificate "
	"xmlns:a='urn:un:unece:uncefact:data:standard:SPSCertificate:17' "
	"xmlns:r='urn:un:unece:uncefact:data:standard:"
	"ReusableAggregateBusinessInformationEntity:21'>"
	"<a:SPSExchangedDocument><r:TypeCode>851</r:TypeCode></a:SPSExchangedDocument>"
	"</a:SPSCertificate>";

/* Nobody is enrolled with the partner of no name: whatever the rest says, it is refused.
 */
static int judge(const struct admit_context *context, struct span document, int64_t now)
{
	_cleanup_json_ json_t *report = NULL;
	struct verdict verdict = { 0 };
	int r = admit(context, document, "", now, &verdict, &report);

	if (r < 0)
		return r;
	return verdict.decision == DECISION_REFUSED ? 0 : -EPROTO;
}

static int judge_signed_with(
	const struct admit_context *context, enum trial_key kind, int64_t now)
{
	_cleanup_(trial_signer_done) struct trial_signer signer = { 0 };
	_cleanup_buf_ struct buf document;
	int r = trial_signer_make(kind, now, &signer);

	buf_init(&document, DOCUMENT_MAX);
	if (r == 0)
		r = trial_sign(&signer, span_str(DOCUMENT), now, &document);
	return r < 0 ? r : judge(context, buf_span(&document), now);
}

int warm(const struct admit_context *context)
{
	int64_t now = clock_now();
	unsigned char octet;
	int r;

	tzset();
	if (!OPENSSL_init_crypto(
		    OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) ||
		RAND_bytes(&octet, 1) != 1)
		return -EIO;
	r = judge(context, span_str(DOCUMENT), now);
	if (r == 0)
		r = judge_signed_with(context, TRIAL_P256, now);
	if (r == 0)
		r = judge_signed_with(context, TRIAL_RSA, now);
	return r;
}
