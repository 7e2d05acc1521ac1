/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

#include <errno.h>

#define EMBEDDED_MAX 2000u /* objects that one document may bring */

enum embedded { NOT_EMBEDDED = 0, CERTIFICATE, CRL, OCSP };

static enum embedded kind_of(const xmlNode *n)
{
	if (xml_is(n, NS_DS, "X509Certificate") ||
		sig_is_xades(n, "EncapsulatedX509Certificate"))
		return CERTIFICATE;
	if (xml_is(n, NS_DS, "X509CRL") || sig_is_xades(n, "EncapsulatedCRLValue"))
		return CRL;
	return sig_is_xades(n, "EncapsulatedOCSPValue") ? OCSP : NOT_EMBEDDED;
}

static int add(struct sig_context *c, enum embedded kind, const xmlNode *n)
{
	_cleanup_(freep) char *text = xml_text(n);
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	int r;

	if (!text || base64_decode(span_str(text), &der, &len) < 0)
		return 0;
	if (kind == CERTIFICATE)
		r = pki_material_add_certificate(c->material, span_of(der, len));
	else if (kind == CRL)
		r = pki_material_add_crl(c->material, span_of(der, len));
	else
		r = pki_material_add_ocsp(c->material, span_of(der, len));
	if (r == -EINVAL)
		sig_finding(c, SEVERITY_WARNING, "sig.embedded", n,
			"This certificate or revocation data cannot be read.");
	return r == -ENOMEM ? r : 0;
}

/* The next node in document order below top. */
static const xmlNode *next_below(const xmlNode *n, const xmlNode *top)
{
	if (n->type == XML_ELEMENT_NODE && n->children)
		return n->children;
	while (n != top && !n->next)
		n = n->parent;
	return n == top ? NULL : n->next;
}

static int add_below(struct sig_context *c, const xmlNode *top, size_t *count)
{
	for (const xmlNode *n = top; n; n = next_below(n, top)) {
		enum embedded kind = n->type == XML_ELEMENT_NODE ? kind_of(n) : NOT_EMBEDDED;
		int r;

		if (kind == NOT_EMBEDDED || ++*count > EMBEDDED_MAX)
			continue;
		r = add(c, kind, n);
		if (r < 0)
			return r;
	}
	return 0;
}

static void know(struct sig_context *c, const ASN1_TIME *issued)
{
	struct tm tm;
	int64_t t;

	if (!issued || ASN1_TIME_to_tm(issued, &tm) != 1)
		return;
	t = (int64_t)timegm(&tm);
	if (t > c->known_at)
		c->known_at = t;
}

/* The general validator is asked how things stood at a time, with all that is known about it
 * today. Admission happens now: data from the future is a wrong clock or worse. */
static void know_everything(struct sig_context *c)
{
	for (int i = 0; i < sk_X509_CRL_num(c->material->crls); i++)
		know(c, X509_CRL_get0_lastUpdate(sk_X509_CRL_value(c->material->crls, i)));
	for (size_t i = 0; i < c->material->ocsp_count; i++)
		know(c, OCSP_resp_get0_produced_at(c->material->ocsps[i]));
}

int sig_material(struct sig_context *c)
{
	size_t count = 0;

	c->known_at = c->options->at;
	c->material = pki_material_copy(c->options->material);
	if (!c->material)
		return -ENOMEM;
	for (size_t i = 0; i < c->count; i++) {
		int r = sig_nested(c, c->signatures[i]) ? 0
						    : add_below(c, c->signatures[i], &count);

		if (r < 0)
			return r;
	}
	if (c->options->profile == XADES_EIDAS)
		know_everything(c);
	return 0;
}
