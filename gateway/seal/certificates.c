/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/certificates.h"

#include "pki/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

/* An authority that signed itself adds nothing to a container: whoever verifies has it.
 */
static int add(struct certificates *c, X509 *certificate)
{
	if (c->count && X509_NAME_cmp(X509_get_subject_name(certificate),
				X509_get_issuer_name(certificate)) == 0) {
		X509_free(certificate);
		return 0;
	}
	if (c->count == CERTIFICATES_MAX) {
		X509_free(certificate);
		return -EINVAL;
	}
	c->list[c->count++] = certificate;
	return 0;
}

int certificates_read(struct span der, const char *mechanism, struct certificates *ret)
{
	const unsigned char *p = der.data, *end = der.data + der.len;
	struct certificates c = { 0 };
	int r = 0;

	while (r == 0 && p < end) {
		X509 *certificate = d2i_X509(NULL, &p, end - p);

		r = certificate ? add(&c, certificate) : -EINVAL;
	}
	ERR_clear_error();
	if (r == 0 && (c.count == 0 || strlen(mechanism) >= sizeof(c.mechanism)))
		r = -EINVAL;
	if (r < 0) {
		certificates_done(&c);
		return r;
	}
	memcpy(c.mechanism, mechanism, strlen(mechanism) + 1);
	*ret = c;
	return 0;
}

void certificates_done(struct certificates *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->list[i]);
	*c = (struct certificates){ 0 };
}

int certificates_valid(const struct certificates *c, int64_t at)
{
	int64_t from, to;

	return pki_certificate_validity(c->list[0], &from, &to) == 0 && from <= at &&
	       at <= to;
}
