/* SPDX-License-Identifier: EUPL-1.2 */
/* The whole path of a signed document. Nobody has the seeds' key any more: whatever
 * passes must have been signed with it, so it is one document and no other, and nothing
 * passes without an anchor. */
#include "common/clock.h"
#include "pki/certificate.h"
#include "tests/fuzz/target.h"
#include "xades/create.h"
#include "xades/validate.h"

#include <errno.h>
#include <stdlib.h>

#define AT "2026-06-05T12:00:00Z"
/* SHA-256 of the canonical document that all seeds sign. */
#define SIGNED "d2baf921b2dab0ef2b7fa48116c4065731f934225428bd8c5cd1f8d00eba0248"

EMBED(signer_der, "tests/fuzz/xades-signer.der");
EMBED(tsa_der, "tests/fuzz/xades-tsa.der");

static struct pki_material *anchors;
static X509 *signer;
static int64_t at;

static void set_up(void)
{
	struct span der = EMBEDDED(signer_der);

	if (anchors)
		return;
	check(xades_setup() == 0 && clock_parse(AT, &at) == 0);
	anchors = pki_material_new();
	check(anchors && pki_material_add_anchor(anchors, der) == 0);
	check(pki_material_add_anchor(anchors, EMBEDDED(tsa_der)) == 0);
	signer = pki_certificate_parse(der);
	check(signer != NULL);
}

static void check_passed(const struct xades_signature *s)
{
	char digest[SHA256_TEXT_SIZE];

	check(s->core_valid && s->refs_found && s->sig_value_ok && s->signer);
	if (!s->signed_octets)
		return;
	check(digest_sha256_text(span_of(s->signed_octets, s->signed_len), digest) == 0);
	check(strcmp(digest, SIGNED) == 0);
}

static void validate(
	struct span data, enum xades_profile profile, const struct pki_material *material)
{
	const struct xades_detached detached = { .name = "a b.xml",
		.data = span_str("<x/>") };
	struct xades_options options = { .profile = profile,
		.at = at,
		.material = material,
		.detached = &detached,
		.detached_count = 1 };
	_cleanup_(xades_report_freep) struct xades_report *r = NULL;
	json_t *json;

	check(xades_validate(data, &options, &r) == 0);
	check(r->indication != XADES_UNDECIDED);
	check(material || r->indication != XADES_TOTAL_PASSED);
	check(!findings_have(&r->findings, "internal.reason"));
	for (size_t i = 0; i < r->count; i++) {
		check(r->signatures[i].indication != XADES_UNDECIDED);
		if (r->signatures[i].indication == XADES_TOTAL_PASSED)
			check_passed(&r->signatures[i]);
	}
	json = xades_signatures_to_json(r);
	check(json && json_array_size(json) == r->count);
	json_decref(json);
}

/* Preparing a signature in a hostile document either says why not or gives a digest. */
static void prepare(struct span data, enum xades_place place)
{
	struct xades_plan plan = { .place = place,
		.document = data,
		.signer = signer,
		.signature_method = "ecdsa-sha256",
		.signing_time = at,
		.id = "new" };
	struct xades_draft *d = NULL;
	uint8_t digest[64];
	size_t len = 0;
	char *reason = NULL;
	int r = xades_prepare(&plan, &d, digest, &len, &reason);

	check((r == 0) == (d != NULL) && (r != 0 || len == 32));
	check(r == 0 || r == -EINVAL || r == -E2BIG);
	xades_draft_free(d);
	free(reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);

	set_up();
	validate(input, XADES_GATE, anchors);
	validate(input, XADES_EIDAS, anchors);
	validate(input, XADES_EIDAS, NULL);
	prepare(input, XADES_ENVELOPED);
	prepare(input, XADES_COUNTER);
	return 0;
}
