/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When it is time to warn before a key has made all the signatures that its total lets it
 * make; never limits anything.
 */
#ifndef SEALGATE_PKCS11_BUDGET_H
#define SEALGATE_PKCS11_BUDGET_H

#include <stdint.h>

/* Of so many it is told when a tenth is left. */
static inline uint64_t budget_warned_at(uint64_t most)
{
	return most - most / 10;
}

#endif
