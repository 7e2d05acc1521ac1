/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Evidence containers: whatever the reader takes, the writer gives back octet by octet.
 */
#include "common/limits.h"
#include "evidence/asic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_buf_ struct buf again;
	struct span in = span_of(data, size);
	struct asic a;

	buf_init(&again, LIMIT_CONTAINER);
	if (asic_read(in, &findings, &a) == 0) {
		if (findings.errors != 1)
			abort();
		return 0;
	}
	if (findings.errors || asic_write(&a, &again) < 0 ||
		!span_equal(in, buf_span(&again)))
		abort();
	return 0;
}
