/* SPDX-License-Identifier: EUPL-1.2 */
/* Signatures of call-backs. Nobody has the seeds' key any more: what passes says what
 * they say, to whom they say it, about their body. */
#include "common/callback_claims.h"
#include "evidence/callback_check.h"
#include "tests/fuzz/target.h"
#include "xades/validate.h"

#define AT INT64_C(1780660800)

EMBED(signer_der, "tests/fuzz/callback-signer.der");

static struct pki_material *anchors;

static void set_up(void)
{
	if (anchors)
		return;
	check(xades_setup() == 0);
	anchors = pki_material_new();
	check(anchors && pki_material_add_anchor(anchors, EMBEDDED(signer_der)) == 0);
}

/* Return: as callback_verify. */
static int verify(
	struct span input, const struct span *body, const char *partner, json_t **ret)
{
	struct callback_expected e = { .body = body, .partner = partner, .after = -1 };
	_cleanup_findings_ struct findings findings = { 0 };
	const struct receipt_context context = { .material = anchors, .at = AT };
	int r = callback_verify(input, &e, &context, &findings, ret);

	check(r >= 0 && *ret && (r == 0) == (findings.errors > 0));
	check(!findings_have(&findings, "internal.reason"));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);
	struct span body = span_str("{\"outcomes\":[],\"next\":\"7\"}");
	_cleanup_json_ json_t *report = NULL, *other = NULL, *without = NULL;
	const json_t *claims;
	int r;

	set_up();
	r = verify(input, &body, NULL, &report);
	claims = json_object_get(json_object_get(report, "evidence"), "claims");
	if (r == 1) {
		check(callback_is(input));
		check(strcmp(json_string_of(claims, "aud"), "nz-mpi") == 0);
		check(strcmp(json_string_of(claims, "iss"), "seeds") == 0);
		check(strcmp(json_string_of(claims, "cursor"), "7") == 0);
	}
	check(verify(input, &body, "br-mapa", &other) == 0);
	check(verify(input, NULL, NULL, &without) == 0);
	return 0;
}
