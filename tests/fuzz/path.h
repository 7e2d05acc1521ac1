/* SPDX-License-Identifier: EUPL-1.2 */
/* A path of which nothing but a piece of revocation data comes from the input. */
#ifndef SEALGATE_TESTS_FUZZ_PATH_H
#define SEALGATE_TESTS_FUZZ_PATH_H

#include "pki/path.h"
#include "tests/fuzz/target.h"

/* A certificate below an anchor, with what add takes of the input: judged in any case. */
static inline void check_path(X509 *target, struct span anchor, int64_t at,
	int (*add)(struct pki_material *, struct span), struct span input)
{
	struct pki_material *m = pki_material_new();
	struct pki_path_result result = { 0 };
	struct pki_path_request request = { .target = target, .material = m, .at = at };

	check(m && pki_material_add_anchor(m, anchor) == 0);
	if (add(m, input) == 0) {
		check(pki_path_validate(&request, &result) == 0);
		check(result.outcome != PKI_UNDECIDED);
		pki_path_result_done(&result);
	}
	pki_material_free(m);
}

#endif
