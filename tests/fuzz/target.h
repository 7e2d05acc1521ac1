/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the targets share: what must hold whatever comes in, and files that are part of
 * the program.
 */
#ifndef SEALGATE_TESTS_FUZZ_TARGET_H
#define SEALGATE_TESTS_FUZZ_TARGET_H

#include "common/span.h"

#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void check(bool holds)
{
	if (!holds)
		abort();
}

/* EMBED(name, "tests/fuzz/file"): the octets of a file, as EMBEDDED(name). */
#define EMBED(name, file)                                                                \
	__asm__(".section .rodata\n" #name ":\n.incbin \"" file "\"\n" #name             \
		"_end:\n.previous\n");                                                   \
	extern const uint8_t name[], name##_end[]
#define EMBEDDED(name) span_of(name, (size_t)(name##_end - (name)))

#endif
