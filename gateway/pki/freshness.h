/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When revocation data is fresh: one rule for CRLs and OCSP; never about who signed them.
 */
#ifndef SEALGATE_PKI_FRESHNESS_H
#define SEALGATE_PKI_FRESHNESS_H

#include <stdbool.h>
#include <stdint.h>

/* Data without nextUpdate is believed for so many seconds. */
#define PKI_FRESH_SECONDS (INT64_C(7) * 86400)

/* The end of data with a grace; without a nextUpdate there is none to go beyond. */
static inline int64_t pki_fresh_until(int64_t next_update, int64_t grace)
{
	return next_update > INT64_MAX - grace ? INT64_MAX : next_update + grace;
}

/* Fresh for at: issued later than at, or at most until nextUpdate (INT64_MAX: absent) and
 * at most max_age seconds old (0: no such limit). A negative max_age: never out of date.
 */
static inline bool pki_fresh(
	int64_t this_update, int64_t next_update, int64_t at, int64_t max_age)
{
	if (this_update >= at || max_age < 0)
		return true;
	if (max_age > 0 && at - this_update > max_age)
		return false;
	if (next_update == INT64_MAX)
		return at - this_update <= PKI_FRESH_SECONDS;
	return next_update >= at;
}

#endif
