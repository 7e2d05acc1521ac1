/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/buf.h"
#include "pki/certificate.h"
#include "pki/errors.h"
#include "trust/publish_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* SHA-256 of whose certificate it is about: what a response is the successor of. */
static int key_of(const X509 *certificate, const X509 *issuer, char ret[SHA256_TEXT_SIZE])
{
	char one[SHA256_TEXT_SIZE], both[2 * SHA256_TEXT_SIZE + 8];
	int r = pki_certificate_sha256(issuer, ret);

	if (r == 0)
		r = pki_certificate_sha256(certificate, one);
	if (r < 0)
		return r;
	(void)snprintf(both, sizeof(both), "ocsp %s %s", ret, one);
	return digest_sha256_text(span_str(both), ret);
}

/* The issuer or whom it delegated, with a certificate that is valid now. */
static bool may_sign(OCSP_BASICRESP *response, X509 *issuer, int64_t now)
{
	X509 *signer = NULL;
	int64_t from, to;

	if (pki_ocsp_signer(response, issuer, NULL, NULL, &signer) != 1 ||
		!pki_ocsp_delegated(signer, issuer))
		return false;
	return signer == issuer || (pki_certificate_validity(signer, &from, &to) == 0 &&
					   from <= now && now <= to);
}

static const char *time_trouble(const struct pki_ocsp_answer *a, int64_t now)
{
	if (a->this_update > now + PUBLISH_CLOCK_SKEW ||
		a->produced_at > now + PUBLISH_CLOCK_SKEW)
		return "it is from the future: is the clock right?";
	if (a->next_update == INT64_MAX)
		return "it has no nextUpdate";
	return a->next_update <= now ? "it is out of date" : NULL;
}

static const char *nonce_trouble(
	const struct publish_question *q, OCSP_BASICRESP *response)
{
	switch (pki_ocsp_nonce(q->request, response)) {
	case PKI_OCSP_NONCE_SAME:
		return NULL;
	case PKI_OCSP_NONCE_ABSENT:
		return q->nonce_demanded ? "it does not repeat the nonce" : NULL;
	case PKI_OCSP_NONCE_OTHER:
	default:
		return "its nonce is another's: it answers another question";
	}
}

/* Everything that the response says about itself; revoked is an answer, too. */
static bool sound(const struct publish_question *q, OCSP_BASICRESP *response, int64_t now,
	struct publish_result *r)
{
	struct pki_ocsp_answer a = { 0 };
	const char *why = nonce_trouble(q, response);

	if (!why && !may_sign(response, q->issuer, now))
		why = "it is not signed by its issuer or a responder that this one "
		      "delegated";
	if (!why && pki_ocsp_answer(response, q->certificate, q->issuer, &a) != 1)
		why = "it says nothing about the certificate";
	if (!why && a.status == PKI_OCSP_UNKNOWN)
		why = "the responder does not know the certificate";
	if (!why)
		why = time_trouble(&a, now);
	r->this_update = a.this_update;
	r->next_update = a.next_update == INT64_MAX ? 0 : a.next_update;
	pki_errors_clear();
	if (why)
		publish_refuse(r, why);
	return !why;
}

int trust_publish_ocsp(const char *folder, const char *name, struct span octets,
	const struct publish_question *q, int64_t now, struct publish_result *ret_result)
{
	_cleanup_(OCSP_BASICRESP_freep) OCSP_BASICRESP *response = pki_ocsp_parse(octets);
	struct mark m = { .number = NULL };
	unsigned char *der = NULL;
	char file[300];
	int len, r;

	*ret_result = (struct publish_result){ .outcome = PUBLISH_UNDECIDED };
	if (!response)
		return publish_refuse(
			ret_result, "it is not an OCSP response, or one of an error");
	if (!sound(q, response, now, ret_result))
		return 0;
	(void)snprintf(file, sizeof(file), "%s.ocsp", name);
	len = i2d_OCSP_BASICRESP(response, &der);
	r = len > 0 ? key_of(q->certificate, q->issuer, m.key) : -ENOMEM;
	if (r == 0)
		r = digest_sha256_text(span_of(der, (size_t)len), m.sha256);
	if (r == 0)
		r = publish_file(folder, file, &m, span_of(der, (size_t)len), ret_result);
	OPENSSL_free(der);
	return r;
}
