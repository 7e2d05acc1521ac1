/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signature file of an evidence container of the right form: without anchors nothing
 * is ever valid, and every answer says why.
 */
#include "common/limits.h"
#include "evidence/asic.h"
#include "evidence/verify.h"
#include "xades/validate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pki_material *empty;
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_json_ json_t *report = NULL;
	_cleanup_buf_ struct buf container;
	struct asic a = { .parts = { span_str("<a/>"), span_str("{}"), span_str("{}") } };

	buf_init(&container, LIMIT_CONTAINER);
	if (!empty) {
		empty = pki_material_new();
		if (!empty || xades_setup() < 0)
			abort();
	}
	a.parts[ASIC_SIGNATURES] = span_of(data, size);
	if (asic_write(&a, &container) < 0)
		return 0;
	if (evidence_verify(buf_span(&container),
		    &(struct evidence_context){ .material = empty }, &findings,
		    &report) != 0)
		abort();
	if (findings.errors == 0 || findings_have(&findings, "evidence.form"))
		abort();
	return 0;
}
