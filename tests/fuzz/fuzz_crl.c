/* SPDX-License-Identifier: EUPL-1.2 */
/* CRLs. Nobody has the seeds' key any more: one that is good has its issuer's name and
 * says so by its signature; whatever is read can be asked everything. */
#include "common/clock.h"
#include "pki/crl.h"
#include "tests/fuzz/path.h"

#define AT "2026-06-05T12:00:00Z"

EMBED(root_der, "tests/fuzz/pki-root.der");
EMBED(ca_der, "tests/fuzz/pki-ca.der");

static X509 *root, *ca;
static int64_t at;

static void set_up(void)
{
	if (root)
		return;
	check(clock_parse(AT, &at) == 0);
	root = pki_certificate_parse(EMBEDDED(root_der));
	ca = pki_certificate_parse(EMBEDDED(ca_der));
	check(root && ca);
}

static void judge_by_itself(struct span input)
{
	_cleanup_(X509_CRL_freep) X509_CRL *crl = pki_crl_parse(input);
	const char *reason = NULL;
	int r;

	if (!crl)
		return;
	(void)pki_crl_fault(crl);
	(void)pki_crl_expired_from(crl);
	r = pki_crl_verify(crl, root, at, &reason);
	check(r >= 0 && reason && (r == 1) == (*reason == '\0'));
	if (r == 1)
		check(X509_NAME_cmp(X509_CRL_get_issuer(crl),
			      X509_get_subject_name(root)) == 0 &&
			X509_CRL_verify(crl, X509_get0_pubkey(root)) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);

	set_up();
	judge_by_itself(input);
	check_path(ca, EMBEDDED(root_der), at, pki_material_add_crl, input);
	return 0;
}
