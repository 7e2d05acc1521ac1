/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/certificate.h"

#include "pki/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define ESCAPED_MAX 49152u

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decode; NULL for a broken escape or a NUL. The caller frees. */
static char *unescape(const char *text)
{
	size_t len = strlen(text), n = 0;
	char *plain = len <= ESCAPED_MAX ? malloc(len + 1) : NULL;

	for (size_t i = 0; plain && i < len; i++) {
		int high, low;

		if (text[i] != '%') {
			plain[n++] = text[i];
			continue;
		}
		high = hex_digit(text[i + 1]);
		low = high < 0 ? -1 : hex_digit(text[i + 2]);
		if (low < 0 || high * 16 + low == 0) {
			free(plain);
			return NULL;
		}
		plain[n++] = (char)(high * 16 + low);
		i += 2;
	}
	if (plain)
		plain[n] = '\0';
	return plain;
}

static X509 *parse_pem(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	X509 *x = NULL;

	if (bio && PEM_read_bio(bio, &name, &header, &der, &len) == 1 &&
		strcmp(name, PEM_STRING_X509) == 0 && *header == '\0')
		x = pki_certificate_parse(span_of(der, (size_t)len));
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	/* nginx hands over one certificate and not an octet more. */
	if (x && BIO_pending(bio) != 0) {
		X509_free(x);
		x = NULL;
	}
	BIO_free(bio);
	ERR_clear_error();
	return x;
}

bool web_certificate_too_large(const char *escaped)
{
	return strlen(escaped) > ESCAPED_MAX;
}

X509 *web_certificate_parse(const char *escaped)
{
	_cleanup_(freep) char *pem = unescape(escaped);

	/* A second block after the first would otherwise only be left pending. */
	if (!pem || strncmp(pem, "-----BEGIN ", 11) != 0)
		return NULL;
	return parse_pem(pem);
}

int web_revocation_parse(const char *word, enum web_revocation *ret_revocation)
{
	if (strcmp(word, "required") == 0)
		*ret_revocation = WEB_REVOCATION_REQUIRED;
	else if (strcmp(word, "if-present") == 0)
		*ret_revocation = WEB_REVOCATION_IF_PRESENT;
	else
		return -EINVAL;
	return 0;
}

/* Does any CRL at hand speak about the chain's certificates? */
static bool crl_at_hand(const STACK_OF(X509) * chain, const struct pki_material *m)
{
	for (int i = 0; i + 1 < sk_X509_num(chain); i++)
		for (int c = 0; c < sk_X509_CRL_num(m->crls); c++)
			if (X509_NAME_cmp(X509_get_issuer_name(sk_X509_value(chain, i)),
				    X509_CRL_get_issuer(sk_X509_CRL_value(m->crls, c))) ==
				0)
				return true;
	return false;
}

static int validate(X509 *certificate, const struct pki_material *m,
	enum web_revocation revocation, int64_t at, struct pki_path_result *ret)
{
	struct pki_path_request q = { .target = certificate,
		.material = m,
		.at = at,
		.purpose = PKI_TLS_CLIENT,
		.skip_revocation = revocation == WEB_REVOCATION_IF_PRESENT };
	int r = pki_path_validate(&q, ret);

	if (r < 0 || ret->outcome != PKI_PASSED || !q.skip_revocation ||
		!crl_at_hand(ret->chain, m))
		return r;
	pki_path_result_done(ret);
	q.skip_revocation = false;
	return pki_path_validate(&q, ret);
}

int web_certificate_check(const struct scgi_request *scgi,
	const struct pki_material *authorities, enum web_revocation revocation,
	int64_t at, struct web_certificate *ret)
{
	_cleanup_(X509_freep) X509 *certificate =
		web_certificate_parse(scgi_get(scgi, "CLIENT_CERTIFICATE"));
	int64_t from;
	int r;

	*ret = (struct web_certificate){ 0 };
	if (!certificate || strcmp(scgi_get(scgi, "CLIENT_VERIFY"), "SUCCESS") != 0 ||
		pki_certificate_sha256(certificate, ret->sha256) < 0 ||
		pki_certificate_validity(certificate, &from, &ret->until) < 0)
		return 0;
	r = validate(certificate, authorities, revocation, at, &ret->path);
	if (r < 0)
		return r;
	return ret->path.outcome == PKI_PASSED;
}

void web_certificate_done(struct web_certificate *c)
{
	pki_path_result_done(&c->path);
	*c = (struct web_certificate){ 0 };
}
