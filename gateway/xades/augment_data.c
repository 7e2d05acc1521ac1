/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/augment_data.h"

#include "common/encode.h"
#include "pki/ocsp.h"
#include "xades/draft.h"

#include <errno.h>

DEFINE_CLEANUP(OCSP_RESPONSE *, OCSP_RESPONSE_free)

/* What is collected, and what the document has then. */
struct values {
	struct sig_context *c;
	struct pki_material *have;
	struct buf certificates, crls, ocsps; /* XML */
	char **ret_reason;
};

/* Revocation data of one kind or the other. */
struct choice {
	const X509_CRL *crl;
	OCSP_BASICRESP *ocsp;
	int64_t issued;
};

/* When it must have been issued, and until when it must be in force. */
struct window {
	int64_t from, to;
	int64_t in_force;
};

static int64_t seconds_of(const ASN1_TIME *time, int64_t otherwise)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : otherwise;
}

static int add_encapsulated(struct buf *b, const char *name, struct span der)
{
	_cleanup_(freep) char *text = base64_encode(der);

	if (!text)
		return -ENOMEM;
	buf_addf(b, "<xades:%s>", name);
	buf_add_str(b, text);
	return buf_addf(b, "</xades:%s>", name);
}

static int add_certificate(struct values *v, X509 *x)
{
	uint8_t *der = NULL;
	int len, r;

	for (int i = 0; i < sk_X509_num(v->have->certificates); i++)
		if (X509_cmp(sk_X509_value(v->have->certificates, i), x) == 0)
			return 1;
	len = i2d_X509(x, &der);
	if (len <= 0)
		return -ENOMEM;
	r = add_encapsulated(&v->certificates, "EncapsulatedX509Certificate",
		span_of(der, (size_t)len));
	OPENSSL_free(der);
	if (r == 0)
		r = pki_material_add_x509(v->have, x);
	return r < 0 ? r : 1;
}

/* A full CRL of the issuer that is in force and was issued late enough. */
static void choose_crl(const struct pki_material *m, X509 *issuer, const struct window *w,
	struct choice *ret)
{
	for (int i = 0; i < sk_X509_CRL_num(m->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(m->crls, i);
		int64_t issued = seconds_of(X509_CRL_get0_lastUpdate(crl), INT64_MIN);

		if (issued < w->from || issued <= ret->issued || issued > w->to ||
			seconds_of(X509_CRL_get0_nextUpdate(crl), INT64_MAX) <
				w->in_force ||
			X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0 ||
			X509_NAME_cmp(X509_CRL_get_issuer(crl),
				X509_get_subject_name(issuer)) != 0 ||
			X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1)
			continue;
		*ret = (struct choice){ .crl = crl, .issued = issued };
	}
}

/* One that says that it was revoked later than the signature was there is as good. */
static void choose_ocsp(const struct pki_material *m, X509 *x, X509 *issuer,
	const struct window *w, struct choice *ret)
{
	for (size_t i = 0; i < m->ocsp_count; i++) {
		struct pki_ocsp_answer a;

		if (pki_ocsp_answer(m->ocsps[i], x, issuer, &a) != 1 ||
			a.status == PKI_OCSP_UNKNOWN || a.this_update < w->from ||
			a.this_update <= ret->issued || a.this_update > w->to ||
			a.next_update < w->in_force)
			continue;
		*ret = (struct choice){ .ocsp = m->ocsps[i], .issued = a.this_update };
	}
}

static struct choice choose(
	const struct pki_material *m, X509 *x, X509 *issuer, const struct window *w)
{
	struct choice choice = { .issued = INT64_MIN };

	choose_crl(m, issuer, w, &choice);
	choose_ocsp(m, x, issuer, w, &choice);
	return choice;
}

static int add_crl(struct values *v, const X509_CRL *crl)
{
	uint8_t *der = NULL;
	int len = i2d_X509_CRL(crl, &der), r;

	if (len <= 0)
		return -ENOMEM;
	r = add_encapsulated(&v->crls, "EncapsulatedCRLValue", span_of(der, (size_t)len));
	if (r == 0)
		r = pki_material_add_crl(v->have, span_of(der, (size_t)len));
	OPENSSL_free(der);
	return r < 0 ? r : 1;
}

static int add_ocsp(struct values *v, OCSP_BASICRESP *basic)
{
	_cleanup_(OCSP_RESPONSE_freep) OCSP_RESPONSE *response =
		OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	uint8_t *der = NULL;
	int len = response ? i2d_OCSP_RESPONSE(response, &der) : -1, r;

	if (len <= 0)
		return -ENOMEM;
	r = add_encapsulated(
		&v->ocsps, "EncapsulatedOCSPValue", span_of(der, (size_t)len));
	if (r == 0)
		r = pki_material_add_ocsp(v->have, span_of(der, (size_t)len));
	OPENSSL_free(der);
	return r < 0 ? r : 1;
}

static int add_choice(struct values *v, const struct choice *choice)
{
	return choice->crl ? add_crl(v, choice->crl) : add_ocsp(v, choice->ocsp);
}

static int add_revocation(struct values *v, X509 *x, X509 *issuer, int64_t wanted)
{
	int64_t at = v->c->options->at;
	struct window w = { wanted, at, at };
	struct choice choice = choose(v->have, x, issuer, &w);
	char name[128] = "";

	if (choice.crl || choice.ocsp)
		return 1;
	choice = choose(v->c->material, x, issuer, &w);
	if (choice.crl || choice.ocsp)
		return add_choice(v, &choice);
	X509_NAME_oneline(X509_get_subject_name(x), name, sizeof(name));
	return asprintf(v->ret_reason,
		       "There is no revocation data for %s that is in force%s.", name,
		       wanted > INT64_MIN ? " and younger than the signature" : "") < 0
		       ? -ENOMEM
		       : 0;
}

/* Every certificate of a path, and revocation data for all but the anchor. */
static int add_chain(struct values *v, const STACK_OF(X509) * chain, int64_t wanted)
{
	int n = sk_X509_num(chain), r = 1;

	for (int i = 0; r > 0 && i < n; i++) {
		X509 *x = sk_X509_value(chain, i);

		r = add_certificate(v, x);
		if (r > 0 && i + 1 < n)
			r = add_revocation(v, x, sk_X509_value(chain, i + 1),
				i == 0 ? wanted : INT64_MIN);
	}
	return r;
}

static int add_tokens(struct values *v, const struct sig *s)
{
	int r = 1;

	for (size_t i = 0; r > 0 && i < s->token_count; i++)
		if (s->tokens[i].passed)
			r = add_chain(v, s->tokens[i].result.path.chain, INT64_MIN);
	return r;
}

/* Issued while it was good, younger than the signature if there is such data; else what
 * was in force at the signature's time, by which the part passed. */
static int add_best(struct values *v, X509 *x, X509 *issuer, int64_t best)
{
	int64_t at = v->c->options->at, end = seconds_of(X509_get0_notAfter(x), at);
	const struct window from[] = { { best, end < at ? end : at, INT64_MIN },
		{ INT64_MIN, at, best } };

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		struct choice has = choose(v->have, x, issuer, &from[i]), choice;

		if (has.crl || has.ocsp)
			return 1;
		choice = choose(v->c->material, x, issuer, &from[i]);
		if (choice.crl || choice.ocsp)
			return add_choice(v, &choice);
	}
	return 0;
}

/* What is not there for one of them, or comes no more, keeps the signature from nothing.
 */
static int add_others(
	struct values *v, const struct xades_augment_plan *plan, int64_t best)
{
	int r = 1;

	for (size_t i = 0; i < plan->other_count; i++) {
		const STACK_OF(X509) *chain = plan->others[i];

		for (int k = 0, n = sk_X509_num(chain); r >= 0 && k < n; k++) {
			r = add_certificate(v, sk_X509_value(chain, k));
			if (r >= 0 && k + 1 < n)
				r = add_best(v, sk_X509_value(chain, k),
					sk_X509_value(chain, k + 1), best);
		}
	}
	return r < 0 ? r : 1;
}

static int values_open(struct values *v, struct sig_context *c, char **ret_reason)
{
	*v = (struct values){ .c = c, .ret_reason = ret_reason };
	buf_init(&v->certificates, DRAFT_MAX);
	buf_init(&v->crls, DRAFT_MAX);
	buf_init(&v->ocsps, DRAFT_MAX);
	return sig_material_embedded(c, &v->have);
}

static void values_done(struct values *v)
{
	buf_done(&v->certificates);
	buf_done(&v->crls);
	buf_done(&v->ocsps);
	pki_material_free(v->have);
}

static void write_list(
	struct buf *ret, const char *open, const struct buf *items, const char *close)
{
	if (!items->len)
		return;
	buf_add_str(ret, open);
	buf_add(ret, items->data, items->len);
	buf_add_str(ret, close);
}

/* The two properties, which are also the content of TimeStampValidationData. */
static int write_values(const struct values *v, struct buf *ret)
{
	write_list(ret, "<xades:CertificateValues>", &v->certificates,
		"</xades:CertificateValues>");
	if (v->crls.len || v->ocsps.len) {
		buf_add_str(ret, "<xades:RevocationValues>");
		write_list(ret, "<xades:CRLValues>", &v->crls, "</xades:CRLValues>");
		write_list(ret, "<xades:OCSPValues>", &v->ocsps, "</xades:OCSPValues>");
		buf_add_str(ret, "</xades:RevocationValues>");
	}
	return ret->error;
}

int augment_values(struct sig_context *c, const struct sig *s,
	const struct xades_augment_plan *plan, struct buf *ret, char **ret_reason)
{
	int64_t best = c->report->signatures[s->index].best_signature_time;
	struct values v;
	int r = values_open(&v, c, ret_reason);

	if (r == 0)
		r = add_chain(&v, s->path.chain, best);
	if (r > 0)
		r = add_tokens(&v, s);
	if (r > 0)
		r = add_others(&v, plan, best);
	if (r > 0 && write_values(&v, ret) < 0)
		r = ret->error;
	values_done(&v);
	return r;
}

int augment_stamp_values(struct sig_context *c, const struct sig *s,
	const struct xades_augment_plan *plan, struct buf *ret, char **ret_reason)
{
	int64_t best = c->report->signatures[s->index].best_signature_time;
	struct values v;
	int r = values_open(&v, c, ret_reason);

	if (r == 0)
		r = add_tokens(&v, s);
	if (r > 0)
		r = add_others(&v, plan, best);
	if (r > 0 && (v.certificates.len || v.crls.len || v.ocsps.len)) {
		buf_addf(ret, "<xades141:TimeStampValidationData xmlns:xades141=\"%s\">",
			NS_XADES141);
		write_values(&v, ret);
		buf_add_str(ret, "</xades141:TimeStampValidationData>");
	}
	if (r > 0 && ret->error)
		r = ret->error;
	values_done(&v);
	return r;
}
