/* SPDX-License-Identifier: EUPL-1.2 */
/* OCSP responses. Nobody has the seeds' keys any more: one that is good answers for the
 * certificate that the seeds are about; whatever is read can be asked everything. */
#include "common/clock.h"
#include "pki/ocsp.h"
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
	"signer_der:\n"
	".incbin \"tests/fuzz/pki-signer.der\"\n"
	"signer_der_end:\n"
	".previous\n");
extern const uint8_t root_der[], root_der_end[], ca_der[], ca_der_end[], signer_der[],
	signer_der_end[];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static X509 *root, *ca, *signer;
static int64_t at;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static X509 *certificate(const uint8_t *start, const uint8_t *end)
{
	return pki_certificate_parse(span_of(start, (size_t)(end - start)));
}

static void set_up(void)
{
	if (root)
		return;
	check(clock_parse(AT, &at) == 0);
	root = certificate(root_der, root_der_end);
	ca = certificate(ca_der, ca_der_end);
	signer = certificate(signer_der, signer_der_end);
	check(root && ca && signer);
}

/* Nobody but the CA and its responder answers: never for the root's certificates. */
static void judge_by_itself(struct span input)
{
	_cleanup_(OCSP_BASICRESP_freep) OCSP_BASICRESP *response = pki_ocsp_parse(input);
	struct pki_ocsp_answer answer = { 0 };
	const char *reason = NULL;
	int r;

	if (!response)
		return;
	r = pki_ocsp_verify(response, ca, signer, at, &reason);
	check(r >= 0 && reason && (r == 1) == (*reason == '\0'));
	if (r == 1)
		check(pki_ocsp_answer(response, signer, ca, &answer) == 1 &&
			answer.status == PKI_OCSP_GOOD && answer.this_update <= at);
	check(pki_ocsp_verify(response, ca, NULL, at, &reason) >= 0);
	check(pki_ocsp_verify(response, root, ca, at, &reason) == 0);
}

static void judge_path(struct span input)
{
	struct pki_material *m = pki_material_new();
	struct pki_path_result result = { 0 };
	struct pki_path_request request = { .target = signer, .material = m, .at = at };

	check(m && pki_material_add_anchor(
			   m, span_of(ca_der, (size_t)(ca_der_end - ca_der))) == 0);
	if (pki_material_add_ocsp(m, input) == 0) {
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
