/* SPDX-License-Identifier: EUPL-1.2 */
/* CRLs. Nobody has the seeds' key any more: one that is good has its issuer's name and
 * says so by its signature; whatever is read can be asked everything. */
#include "common/clock.h"
#include "pki/crl.h"
#include "pki/path.h"

#include <stdlib.h>

#define AT "2026-06-05T12:00:00Z"

__asm__(".section .rodata\n"
	"root_der:\n"
	".incbin \"tests/fuzz/pki-root.der\"\n"
	"root_der_end:\n"
	"ca_der:\n"
	".incbin \"tests/fuzz/pki-ca.der\"\n"
	"ca_der_end:\n"
	".previous\n");
extern const uint8_t root_der[], root_der_end[], ca_der[], ca_der_end[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static X509 *root, *ca;
static int64_t at;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void set_up(void)
{
	if (root)
		return;
	check(clock_parse(AT, &at) == 0);
	root = pki_certificate_parse(
		span_of(root_der, (size_t)(root_der_end - root_der)));
	ca = pki_certificate_parse(span_of(ca_der, (size_t)(ca_der_end - ca_der)));
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

static void judge_path(struct span input)
{
	struct pki_material *m = pki_material_new();
	struct pki_path_result result = { 0 };
	struct pki_path_request request = { .target = ca, .material = m, .at = at };

	check(m && pki_material_add_anchor(
			   m, span_of(root_der, (size_t)(root_der_end - root_der))) == 0);
	if (pki_material_add_crl(m, input) == 0) {
		check(pki_path_validate(&request, &result) == 0);
		check(result.outcome != PKI_UNDECIDED);
		pki_path_result_done(&result);
	}
	pki_material_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);

	set_up();
	judge_by_itself(input);
	judge_path(input);
	return 0;
}
