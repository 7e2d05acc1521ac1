/* SPDX-License-Identifier: EUPL-1.2 */
/* Evidence records. No authority is trusted here: nothing that is read proves a time, and
 * a record over a document is over no other. */
#include "evidence/record.h"
#include "tests/fuzz/target.h"

#define AT INT64_C(1780660800)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_material *m = pki_material_new();
	struct span input = span_of(data, size);
	struct record_result r;

	check(m && record_verify(input, span_str("document 0"), m, AT, &r) == 0);
	check(r.outcome != RECORD_UNDECIDED && r.outcome != RECORD_PASSED && r.reason);
	check(record_outcome_text(&r)[0] != '\0');
	record_result_done(&r);
	check(record_verify(input, input, m, AT, &r) == 0);
	check(r.outcome != RECORD_PASSED);
	record_result_done(&r);
	pki_material_free(m);
	return 0;
}
