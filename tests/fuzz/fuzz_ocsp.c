/* SPDX-License-Identifier: EUPL-1.2 */
/* OCSP responses. Nobody has the seeds' keys any more: one that is good answers for the
 * certificate that the seeds are about; whatever is read can be asked everything. */
#include "common/clock.h"
#include "pki/ocsp.h"
#include "tests/fuzz/path.h"

#define AT "2026-06-05T12:00:00Z"

EMBED(root_der, "tests/fuzz/pki-root.der");
EMBED(ca_der, "tests/fuzz/pki-ca.der");
EMBED(signer_der, "tests/fuzz/pki-signer.der");

static X509 *root, *ca, *signer;
static int64_t at;

static void set_up(void)
{
	if (root)
		return;
	check(clock_parse(AT, &at) == 0);
	root = pki_certificate_parse(EMBEDDED(root_der));
	ca = pki_certificate_parse(EMBEDDED(ca_der));
	signer = pki_certificate_parse(EMBEDDED(signer_der));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);

	set_up();
	judge_by_itself(input);
	check_path(signer, EMBEDDED(ca_der), at, pki_material_add_ocsp, input);
	return 0;
}
