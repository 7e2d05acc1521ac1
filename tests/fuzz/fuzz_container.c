/* SPDX-License-Identifier: EUPL-1.2 */
/* Containers. Nobody has the seeds' key any more: whatever passes is over the two files
 * that were signed with it, and what is read has names and sizes that keep to the limits.
 */
#include "common/clock.h"
#include "pki/material.h"
#include "tests/fuzz/target.h"
#include "xades/packed.h"
#include "xades/validate.h"

#define AT "2026-06-05T12:00:00Z"

EMBED(signer_der, "tests/fuzz/pki-signer.der");

static struct pki_material *anchors;
static int64_t at;

static void set_up(void)
{
	if (anchors)
		return;
	check(xades_setup() == 0 && clock_parse(AT, &at) == 0);
	anchors = pki_material_new();
	check(anchors && pki_material_add_anchor(anchors, EMBEDDED(signer_der)) == 0);
}

static void check_files(const struct packed *p)
{
	size_t total = 0;

	check(p->count > 0 && p->count <= PACKED_FILES_MAX);
	for (size_t i = 0; i < p->count; i++) {
		const char *name = p->files[i].name;

		check(*name && *name != '/' && !strstr(name, "../") &&
			!strchr(name, '\\'));
		check(packed_find(p, name) == &p->files[i]);
		total += p->files[i].len;
	}
	check(total <= PACKED_OCTETS_MAX);
}

static bool has(const struct packed *p, const char *text)
{
	for (size_t i = 0; i < p->count; i++)
		if (span_equal(
			    span_of(p->files[i].data, p->files[i].len), span_str(text)))
			return true;
	return false;
}

static void validate(struct span data, const struct packed *p, enum xades_profile profile)
{
	struct xades_options options = {
		.profile = profile, .at = at, .material = anchors
	};
	_cleanup_(xades_report_freep) struct xades_report *r = NULL;
	json_t *json;

	check(xades_validate_container(data, &options, &r) == 0);
	check(r->indication != XADES_UNDECIDED);
	check(!findings_have(&r->findings, "internal.reason"));
	check(p || (r->count == 0 && r->indication == XADES_TOTAL_FAILED));
	for (size_t i = 0; i < r->count; i++) {
		check(r->signatures[i].indication != XADES_UNDECIDED);
		check(r->signatures[i].file != NULL);
		if (r->signatures[i].indication == XADES_TOTAL_PASSED)
			check(r->signatures[i].core_valid && has(p, "<a>1</a>"));
	}
	json = xades_signatures_to_json(r);
	check(json && json_array_size(json) == r->count);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_findings_ struct findings findings = { 0 };
	struct span input = span_of(data, size);
	struct packed p = { 0 };
	int r;

	set_up();
	r = packed_read(input, &findings, &p);
	check(r >= 0 && (r == 1) == (findings.errors == 0));
	if (r == 1)
		check_files(&p);
	validate(input, r == 1 ? &p : NULL, XADES_EIDAS);
	validate(input, r == 1 ? &p : NULL, XADES_GATE);
	packed_done(&p);
	return 0;
}
