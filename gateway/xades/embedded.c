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

static int add(struct sig_context *c, struct pki_material *m, enum embedded kind,
	const xmlNode *n)
{
	_cleanup_(freep) char *text = xml_text(n);
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	int r;

	if (!text || base64_decode(span_str(text), &der, &len) < 0)
		return 0;
	if (kind == CERTIFICATE)
		r = pki_material_add_certificate(m, span_of(der, len));
	else if (kind == CRL)
		r = pki_material_add_crl(m, span_of(der, len));
	else
		r = pki_material_add_ocsp(m, span_of(der, len));
	if (r == -EINVAL && m == c->material)
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

static int add_below(
	struct sig_context *c, struct pki_material *m, const xmlNode *top, size_t *count)
{
	for (const xmlNode *n = top; n; n = next_below(n, top)) {
		enum embedded kind =
			n->type == XML_ELEMENT_NODE ? kind_of(n) : NOT_EMBEDDED;
		int r;

		if (kind == NOT_EMBEDDED || ++*count > EMBEDDED_MAX)
			continue;
		r = add(c, m, kind, n);
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

/* The general validator is asked how things stood at a time, with all that is known about
 * it today. Admission happens now: data from the future is a wrong clock or worse. */
static void know_everything(struct sig_context *c)
{
	for (int i = 0; i < sk_X509_CRL_num(c->material->crls); i++)
		know(c, X509_CRL_get0_lastUpdate(
				sk_X509_CRL_value(c->material->crls, i)));
	for (size_t i = 0; i < c->material->ocsp_count; i++)
		know(c, OCSP_resp_get0_produced_at(c->material->ocsps[i]));
}

static int add_all(struct sig_context *c, struct pki_material *m)
{
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		int r = sig_nested(c, c->signatures[i])
				? 0
				: add_below(c, m, c->signatures[i], &count);

		if (r < 0)
			return r;
	}
	return 0;
}

int sig_material(struct sig_context *c)
{
	int r;

	c->known_at = c->options->at;
	c->material = pki_material_copy(c->options->material);
	r = c->material ? add_all(c, c->material) : -ENOMEM;
	if (r == 0 && c->options->profile == XADES_EIDAS && !c->options->fresh_revocation)
		know_everything(c);
	return r;
}

int sig_material_embedded(struct sig_context *c, struct pki_material **ret_material)
{
	_cleanup_(pki_material_freep) struct pki_material *m =
		pki_material_with_anchors_of(c->options->material);
	int r = m ? add_all(c, m) : -ENOMEM;

	if (r == 0)
		*ret_material = TAKE(m);
	return r;
}
