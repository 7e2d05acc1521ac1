/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/two_keys.h"

#include "common/cleanup.h"
#include "pki/errors.h"

#include <errno.h>
#include <openssl/x509v3.h>

static int add_root(struct pki_material *m, X509 *x)
{
	uint8_t *der = NULL;
	int len, r;

	if (X509_check_issued(x, x) != X509_V_OK ||
		X509_verify(x, X509_get0_pubkey(x)) != 1)
		return 0;
	len = i2d_X509(x, &der);
	if (len <= 0)
		return -ENOMEM;
	r = pki_material_add_anchor(m, span_of(der, (size_t)len));
	OPENSSL_free(der);
	return r;
}

/* As if the roots that are carried were anchors. Return: 1 it passes, 0, negative. */
static int passes_by_what_is_carried(
	struct span receipt, const struct enclosed_question *q)
{
	_cleanup_(pki_material_freep) struct pki_material *m =
		pki_material_copy(q->material);
	struct enclosed_question carried = *q;
	struct enclosed e = { 0 };
	int r = m ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < sk_X509_num(m->certificates); i++)
		r = add_root(m, sk_X509_value(m->certificates, i));
	pki_errors_clear();
	carried.material = m;
	if (r == 0)
		r = enclosed_judge(receipt, &carried, &e);
	if (r == 0)
		r = e.standing == ENCLOSED_PASSED;
	enclosed_done(&e);
	return r;
}

int two_keys_check(X509 *seal, struct span receipt, const struct enclosed_question *q,
	const struct enclosed *e, bool excused, const char **ret_why)
{
	const X509 *other = e->result.signer;
	uint32_t usage = X509_get_key_usage(seal);
	int r;

	*ret_why = NULL;
	if (other && EVP_PKEY_eq(X509_get0_pubkey(seal), X509_get0_pubkey(other)) == 1) {
		*ret_why = "The seal and the receipt were made with the same key.";
		return 0;
	}
	if (excused || e->result.path.outcome != PKI_NO_PATH ||
		!(usage & KU_DIGITAL_SIGNATURE))
		return 0;
	r = usage != UINT32_MAX && (usage & KU_NON_REPUDIATION)
		    ? passes_by_what_is_carried(receipt, q)
		    : 0;
	if (r == 0)
		*ret_why = "The receipt is not proven, and the certificate of the seal "
			   "could "
			   "be one for receipts.";
	return r < 0 ? r : 0;
}
