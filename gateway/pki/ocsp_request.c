/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/errors.h"
#include "pki/ocsp.h"

#include <errno.h>

/* SHA-1 names the certificate and proves nothing: what every responder understands (RFC
 * 5019 2.1.1). */
static int fill(OCSP_REQUEST *q, const X509 *certificate, const X509 *issuer)
{
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, certificate, issuer);

	if (!id || !OCSP_request_add0_id(q, id)) {
		OCSP_CERTID_free(id);
		return -ENOMEM;
	}
	return OCSP_request_add1_nonce(q, NULL, PKI_OCSP_NONCE_SIZE) == 1 ? 0 : -EIO;
}

int pki_ocsp_request(
	const X509 *certificate, const X509 *issuer, OCSP_REQUEST **ret_request)
{
	_cleanup_(OCSP_REQUEST_freep) OCSP_REQUEST *q = OCSP_REQUEST_new();
	int r = q ? fill(q, certificate, issuer) : -ENOMEM;

	pki_errors_clear();
	if (r == 0)
		*ret_request = TAKE(q);
	return r;
}

enum pki_ocsp_nonce pki_ocsp_nonce(OCSP_REQUEST *request, OCSP_BASICRESP *response)
{
	switch (OCSP_check_nonce(request, response)) {
	case 1:
		return PKI_OCSP_NONCE_SAME;
	case -1:
		return PKI_OCSP_NONCE_ABSENT;
	default:
		return PKI_OCSP_NONCE_OTHER;
	}
}
