/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/material.h"

#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/finder.h"
#include "pki/kept.h"
#include "pki/ocsp.h"

#include <errno.h>
#include <openssl/err.h>

static void kept_drop(struct pki_kept *k)
{
	if (!k || __atomic_sub_fetch(&k->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	OCSP_BASICRESP_free(k->ocsp);
	free(k);
}

static struct pki_kept *kept_share(struct pki_kept *k)
{
	__atomic_add_fetch(&k->references, 1, __ATOMIC_RELAXED);
	return k;
}

static unsigned int *holders_new(void)
{
	unsigned int *holders = malloc(sizeof(unsigned int));

	if (holders)
		*holders = 1;
	return holders;
}

static bool anchors_are_shared(const struct pki_material *m)
{
	return __atomic_load_n(m->anchor_holders, __ATOMIC_ACQUIRE) > 1;
}

static void anchors_drop(STACK_OF(X509) * anchors, unsigned int *holders)
{
	if (holders && __atomic_sub_fetch(holders, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	sk_X509_pop_free(anchors, X509_free);
	free(holders);
}

/* Give m a list of anchors of its own before it is changed. */
static int anchors_unshare(struct pki_material *m)
{
	STACK_OF(X509) * own;
	unsigned int *holders;

	if (!anchors_are_shared(m))
		return 0;
	own = X509_chain_up_ref(m->anchors);
	holders = holders_new();
	if (!own || !holders) {
		sk_X509_pop_free(own, X509_free);
		free(holders);
		return -ENOMEM;
	}
	anchors_drop(m->anchors, m->anchor_holders);
	m->anchors = own;
	m->anchor_holders = holders;
	return 0;
}

struct pki_material *pki_material_new(void)
{
	struct pki_material *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->anchors = sk_X509_new_null();
	m->anchor_holders = holders_new();
	m->certificates = sk_X509_new_null();
	m->crls = sk_X509_CRL_new_null();
	if (m->anchors && m->anchor_holders && m->certificates && m->crls)
		return m;
	pki_material_free(m);
	return NULL;
}

void pki_material_free(struct pki_material *m)
{
	if (!m)
		return;
	for (int i = 0; m->crl_notes && i < sk_X509_CRL_num(m->crls); i++)
		kept_drop(m->crl_notes[i]);
	for (size_t i = 0; m->ocsp_notes && i < m->ocsp_count; i++)
		kept_drop(m->ocsp_notes[i]);
	anchors_drop(m->anchors, m->anchor_holders);
	sk_X509_pop_free(m->certificates, X509_free);
	sk_X509_CRL_pop_free(m->crls, X509_CRL_free);
	free(m->crl_notes);
	free(m->ocsp_notes);
	free(m->ocsps);
	free(m);
}

/* Copy an array of notes with room for one more. */
static struct pki_kept **notes_copy(struct pki_kept *const *notes, size_t count)
{
	struct pki_kept **copy = calloc(count + 1, sizeof(struct pki_kept *));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = kept_share(notes[i]);
	return copy;
}

static int copy_crls(struct pki_material *m, const struct pki_material *base)
{
	int count = sk_X509_CRL_num(base->crls);

	for (int i = 0; i < count; i++) {
		X509_CRL *crl = sk_X509_CRL_value(base->crls, i);

		X509_CRL_up_ref(crl);
		if (!sk_X509_CRL_push(m->crls, crl)) {
			X509_CRL_free(crl);
			return -ENOMEM;
		}
	}
	m->crl_notes = notes_copy(base->crl_notes, (size_t)count);
	return m->crl_notes ? 0 : -ENOMEM;
}

static int copy_ocsps(struct pki_material *m, const struct pki_material *base)
{
	m->ocsps = calloc(base->ocsp_count + 1, sizeof(OCSP_BASICRESP *));
	m->ocsp_notes = notes_copy(base->ocsp_notes, base->ocsp_count);
	if (!m->ocsps || !m->ocsp_notes)
		return -ENOMEM;
	m->ocsp_count = base->ocsp_count;
	for (size_t i = 0; i < base->ocsp_count; i++)
		m->ocsps[i] = base->ocsps[i];
	return 0;
}

struct pki_material *pki_material_with_anchors_of(const struct pki_material *base)
{
	struct pki_material *m = pki_material_new();

	if (!m || !base)
		return m;
	anchors_drop(m->anchors, m->anchor_holders);
	__atomic_add_fetch(base->anchor_holders, 1, __ATOMIC_RELAXED);
	m->anchors = base->anchors;
	m->anchor_holders = base->anchor_holders;
	m->anchors_sorted = base->anchors_sorted;
	return m;
}

static int copy_certificates(struct pki_material *m, const struct pki_material *base)
{
	STACK_OF(X509) *copy = X509_chain_up_ref(base->certificates);

	if (!copy)
		return -ENOMEM;
	sk_X509_free(m->certificates);
	m->certificates = copy;
	m->certificates_sorted = base->certificates_sorted;
	return 0;
}

struct pki_material *pki_material_copy(const struct pki_material *base)
{
	struct pki_material *m = pki_material_with_anchors_of(base);

	if (!m || !base)
		return m;
	if (copy_certificates(m, base) == 0 && copy_crls(m, base) == 0 &&
		copy_ocsps(m, base) == 0)
		return m;
	pki_material_free(m);
	return NULL;
}

static int stack_add(STACK_OF(X509) * stack, size_t sorted, X509 *x)
{
	if (pki_finder_has(stack, sorted, x)) {
		X509_free(x);
		return 0;
	}
	if (sk_X509_push(stack, x))
		return 0;
	X509_free(x);
	return -ENOMEM;
}

void pki_material_sort(struct pki_material *m)
{
	if (m->anchors_sorted < (size_t)sk_X509_num(m->anchors) &&
		anchors_unshare(m) == 0)
		pki_finder_sort(m->anchors, &m->anchors_sorted);
	pki_finder_sort(m->certificates, &m->certificates_sorted);
}

int pki_material_add_anchor(struct pki_material *m, struct span der)
{
	X509 *x = pki_certificate_parse(der);

	if (!x)
		return -EINVAL;
	if (anchors_unshare(m) < 0) {
		X509_free(x);
		return -ENOMEM;
	}
	return stack_add(m->anchors, m->anchors_sorted, x);
}

int pki_material_add_anchors_of(struct pki_material *m, const struct pki_material *from)
{
	if (anchors_unshare(m) < 0)
		return -ENOMEM;
	for (int i = 0; i < sk_X509_num(from->anchors); i++) {
		X509 *x = sk_X509_value(from->anchors, i);

		X509_up_ref(x);
		if (stack_add(m->anchors, m->anchors_sorted, x) < 0)
			return -ENOMEM;
	}
	return 0;
}

int pki_material_drop_anchor(struct pki_material *m, const X509 *anchor)
{
	if (anchors_unshare(m) < 0)
		return -ENOMEM;
	for (int i = sk_X509_num(m->anchors) - 1; i >= 0; i--) {
		X509 *x = sk_X509_value(m->anchors, i);

		if (X509_cmp(x, anchor) != 0)
			continue;
		(void)sk_X509_delete(m->anchors, i);
		X509_free(x);
		if ((size_t)i < m->anchors_sorted)
			m->anchors_sorted--;
	}
	return 0;
}

int pki_material_add_certificate(struct pki_material *m, struct span der)
{
	X509 *x = pki_certificate_parse(der);

	return x ? stack_add(m->certificates, m->certificates_sorted, x) : -EINVAL;
}

int pki_material_add_x509(struct pki_material *m, X509 *certificate)
{
	X509_up_ref(certificate);
	return stack_add(m->certificates, m->certificates_sorted, certificate);
}

static struct pki_kept *kept_new(struct span der)
{
	struct pki_kept *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->references = 1;
	if (digest_sha256(der, k->sha256) == 0)
		return k;
	free(k);
	return NULL;
}

static bool notes_have(
	struct pki_kept *const *notes, size_t count, const struct pki_kept *k)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(notes[i]->sha256, k->sha256, sizeof(k->sha256)) == 0)
			return true;
	return false;
}

/* Make room for one more note. */
static int notes_grow(struct pki_kept ***notes, size_t count)
{
	struct pki_kept **more = realloc(*notes, (count + 1) * sizeof(struct pki_kept *));

	if (!more)
		return -ENOMEM;
	*notes = more;
	return 0;
}

static void note_crl(struct pki_kept *k, const X509_CRL *crl)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	k->next_update = INT64_MAX;
	k->expired_from = pki_crl_expired_from(crl);
	k->usable = pki_asn1_time(X509_CRL_get0_lastUpdate(crl), &k->this_update) == 0 &&
		    (!next || pki_asn1_time(next, &k->next_update) == 0);
}

int pki_material_add_crl(struct pki_material *m, struct span der)
{
	size_t count = (size_t)sk_X509_CRL_num(m->crls);
	X509_CRL *crl = pki_crl_parse(der);
	struct pki_kept *k;

	if (!crl)
		return -EINVAL;
	k = kept_new(der);
	if (!k || notes_have(m->crl_notes, count, k)) {
		int r = k ? 0 : -ENOMEM;

		kept_drop(k);
		X509_CRL_free(crl);
		return r;
	}
	note_crl(k, crl);
	if (notes_grow(&m->crl_notes, count) < 0 || !sk_X509_CRL_push(m->crls, crl)) {
		kept_drop(k);
		X509_CRL_free(crl);
		return -ENOMEM;
	}
	m->crl_notes[count] = k;
	return 0;
}

static int ocsps_grow(struct pki_material *m)
{
	OCSP_BASICRESP **more =
		realloc(m->ocsps, (m->ocsp_count + 1) * sizeof(OCSP_BASICRESP *));

	if (!more)
		return -ENOMEM;
	m->ocsps = more;
	return notes_grow(&m->ocsp_notes, m->ocsp_count);
}

int pki_material_add_ocsp(struct pki_material *m, struct span der)
{
	OCSP_BASICRESP *response = pki_ocsp_parse(der);
	struct pki_kept *k;

	if (!response)
		return -EINVAL;
	k = kept_new(der);
	if (!k) {
		OCSP_BASICRESP_free(response);
		return -ENOMEM;
	}
	k->ocsp = response;
	if (notes_have(m->ocsp_notes, m->ocsp_count, k)) {
		kept_drop(k);
		return 0;
	}
	if (ocsps_grow(m) < 0) {
		kept_drop(k);
		return -ENOMEM;
	}
	m->ocsps[m->ocsp_count] = response;
	m->ocsp_notes[m->ocsp_count++] = k;
	return 0;
}
