/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/seal_data.h"

#include "common/cleanup.h"
#include "common/encode.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/errors.h"
#include "pki/nest.h"
#include "pki/ocsp.h"
#include "xml/node.h"

#include <errno.h>

#define NS_DS "http://www.w3.org/2000/09/xmldsig#"
#define NS_XADES "http://uri.etsi.org/01903/v1.3.2#"

#define OTHERS_MAX 24	 /* certificates above those who signed parts */
#define CARRIED_MAX 1024 /* certificates in a seal that was renewed for decades */
#define WORK_MAX 8192u	 /* signatures that are looked at, as pki_weight weighs them */
#define LOOKS 64u	 /* comparisons that cost as much as one */
#define TRIES 4u	 /* that finding the signer of an OCSP response may take */

/* Paths of the signer and of the time-stamps, one after the other, and what leads up from
 * the others. */
struct paths {
	STACK_OF(X509) * all;	  /* borrowed */
	STACK_OF(X509) * carried; /* certificates that the seal carries; owned */
	int of_signer;		  /* the first of all */
	unsigned int work;	  /* done so far */
	struct findings *findings;
};

/* Return: false when there is more to look at than should be. */
static bool spend(struct paths *p, unsigned int work)
{
	p->work += work;
	return p->work <= WORK_MAX;
}

static bool is_there(const struct paths *p, int count, const X509 *x)
{
	for (int i = 0; i < count; i++)
		if (X509_cmp(x, sk_X509_value(p->all, i)) == 0)
			return true;
	return false;
}

/* Each once: of the many time-stamps of a seal most have the same path. */
static int add_path(struct paths *p, const STACK_OF(X509) * chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);

		if (!is_there(p, sk_X509_num(p->all), x) && sk_X509_push(p->all, x) <= 0)
			return -ENOMEM;
	}
	return 0;
}

static void depart(struct paths *p, const xmlNode *node, const char *message)
{
	_cleanup_(freep) char *where = xml_path_of(node);

	findings_add(p->findings, "evidence.signature-file", where, NULL, message);
}

static bool is_among(const struct paths *p, int count, struct span der)
{
	_cleanup_(X509_freep) X509 *x = pki_certificate_parse(der);

	return x && is_there(p, count, x);
}

static bool has_signers(struct paths *p, struct span der)
{
	return is_among(p, p->of_signer, der);
}

static bool has_certificate(struct paths *p, struct span der)
{
	return is_among(p, sk_X509_num(p->all), der);
}

static bool has_issuer_of(struct paths *p, struct span der)
{
	_cleanup_(X509_CRL_freep) X509_CRL *crl = pki_crl_parse(der);

	for (int i = 0; crl && i < sk_X509_num(p->all); i++) {
		const X509 *x = sk_X509_value(p->all, i);

		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(x)) !=
			0)
			continue;
		if (!spend(p, pki_weight(x)))
			return false;
		if (X509_CRL_verify(crl, X509_get0_pubkey(x)) == 1)
			return true;
	}
	return false;
}

/* An answer about one certificate of the paths, by its issuer or whom that appointed. */
static bool answers(struct paths *p, OCSP_BASICRESP *response, X509 *x)
{
	int count = sk_X509_num(p->all);

	for (int i = 0; i < count; i++) {
		X509 *issuer = sk_X509_value(p->all, i), *signer = NULL;
		struct pki_ocsp_answer answer;

		if (pki_ocsp_answer(response, x, issuer, &answer) != 1)
			continue;
		if (!spend(p, TRIES * pki_weight(issuer)))
			return false;
		if (pki_ocsp_signer(response, issuer, p->all, NULL, &signer) == 1 &&
			pki_ocsp_delegated(signer, issuer))
			return true;
	}
	return false;
}

static bool has_answer_of(struct paths *p, struct span der)
{
	_cleanup_(OCSP_BASICRESP_freep) OCSP_BASICRESP *response = pki_ocsp_parse(der);
	unsigned int count = (unsigned int)sk_X509_num(p->all);

	if (!spend(p, count * count / LOOKS))
		return false;
	for (int i = 0; response && i < sk_X509_num(p->all); i++)
		if (answers(p, response, sk_X509_value(p->all, i)))
			return true;
	return false;
}

static const struct {
	const char *ns, *name;
	bool (*belongs)(struct paths *p, struct span der);
	const char *otherwise;
} DATA[] = {
	{ NS_DS, "X509Certificate", has_signers,
		"The certificate is not of the seal's path." },
	{ NS_XADES, "EncapsulatedX509Certificate", has_certificate,
		"The certificate is not of a path of the seal, its time-stamps, the "
		"receipt or the record." },
	{ NS_XADES, "EncapsulatedCRLValue", has_issuer_of,
		"The CRL is not one of an authority of the seal, its time-stamps, the "
		"receipt or the record." },
	{ NS_XADES, "EncapsulatedOCSPValue", has_answer_of,
		"The OCSP response is not about the seal, its time-stamps, the "
		"receipt or the record." },
};

static void check_node(struct paths *p, const xmlNode *n)
{
	for (size_t i = 0; i < sizeof(DATA) / sizeof(DATA[0]); i++) {
		_cleanup_(freep) char *text = NULL;
		_cleanup_(freep) uint8_t *der = NULL;
		size_t len = 0;

		if (!xml_is(n, DATA[i].ns, DATA[i].name))
			continue;
		text = xml_text(n);
		if (!text || base64_decode(span_str(text), &der, &len) < 0 ||
			(!DATA[i].belongs(p, span_of(der, len)) && spend(p, 0)))
			depart(p, n, DATA[i].otherwise);
	}
}

static const xmlNode *next_below(const xmlNode *n, const xmlNode *top)
{
	if (n->children)
		return n->children;
	while (n != top && !n->next)
		n = n->parent;
	return n == top ? NULL : n->next;
}

/* All certificates that the seal carries as values; of too many one more than are looked
 * at. */
static int read_carried(struct paths *p, const xmlNode *top)
{
	for (const xmlNode *n = top; n && sk_X509_num(p->carried) <= CARRIED_MAX;
		n = next_below(n, top)) {
		_cleanup_(freep) char *text = NULL;
		_cleanup_(freep) uint8_t *der = NULL;
		size_t len = 0;
		X509 *x;

		if (n->type != XML_ELEMENT_NODE ||
			!xml_is(n, NS_XADES, "EncapsulatedX509Certificate"))
			continue;
		text = xml_text(n);
		x = text && base64_decode(span_str(text), &der, &len) == 0
			    ? pki_certificate_parse(span_of(der, len))
			    : NULL;
		if (x && sk_X509_push(p->carried, x) <= 0) {
			X509_free(x);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Whoever signed a part, and upwards those who are carried and issued one another. */
static int add_others(struct paths *p, const struct seal_others *others)
{
	X509 *const who[] = { others->receipt, others->record };
	int i = sk_X509_num(p->all), end = i + OTHERS_MAX;

	for (size_t k = 0; k < sizeof(who) / sizeof(who[0]); k++)
		if (who[k] && sk_X509_push(p->all, who[k]) <= 0)
			return -ENOMEM;
	for (; i < sk_X509_num(p->all); i++) {
		X509 *x = sk_X509_value(p->all, i);

		for (int c = 0; c < sk_X509_num(p->carried); c++) {
			X509 *issuer = sk_X509_value(p->carried, c);

			if (issuer == x || sk_X509_num(p->all) >= end ||
				X509_check_issued(issuer, x) != X509_V_OK)
				continue;
			if (!spend(p, pki_weight(issuer)))
				return 0;
			if (X509_verify(x, X509_get0_pubkey(issuer)) != 1)
				continue;
			if (sk_X509_push(p->all, issuer) <= 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Whether all of it belongs, as far as that may cost. */
static void check_all(struct paths *p, const xmlNode *top)
{
	for (const xmlNode *n = top; n && spend(p, 0); n = next_below(n, top))
		if (n->type == XML_ELEMENT_NODE)
			check_node(p, n);
	if (!spend(p, 0))
		findings_add(p->findings, "evidence.values", NULL, NULL, NULL);
}

int seal_data_check(const struct xades_signature *seal, const struct seal_others *others,
	struct findings *findings)
{
	struct paths p = { .findings = findings };
	int r;

	if (seal->indication != XADES_TOTAL_PASSED)
		return 0;
	p.all = sk_X509_new_null();
	p.carried = sk_X509_new_null();
	r = p.all && p.carried ? add_path(&p, seal->chain) : -ENOMEM;
	p.of_signer = r == 0 ? sk_X509_num(p.all) : 0;
	for (size_t i = 0; r == 0 && i < seal->timestamp_count; i++)
		r = add_path(&p, seal->timestamps[i].chain);
	if (r == 0)
		r = read_carried(&p, seal->element);
	if (r == 0 && sk_X509_num(p.carried) > CARRIED_MAX)
		p.work = WORK_MAX + 1;
	else if (r == 0)
		r = add_others(&p, others);
	if (r == 0)
		check_all(&p, seal->element);
	sk_X509_free(p.all);
	sk_X509_pop_free(p.carried, X509_free);
	pki_errors_clear();
	return r;
}
