/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * For how long the CRLs at hand still let in whom the authorities of each listener issued
 * certificates for: after the end of one nobody of that authority is let in; never lets
 * anybody in or not.
 */
#ifndef SEALGATE_WEB_CRL_ENDS_H
#define SEALGATE_WEB_CRL_ENDS_H

#include "common/instance.h"

#include <jansson.h>
#include <stdint.h>

/* Of the period of a CRL that is left: below the first it is said, below the second it
 * is a fault. */
#define CRL_ENDS_SOON 4
#define CRL_ENDS_NEARLY 10

/* "none", "ended", "nearly", "soon" and "good" in a report. */
enum crl_end {
	CRL_END_NONE = 0, /* no CRL of it is here: what is demanded decides */
	CRL_END_ENDED,
	CRL_END_NEARLY,
	CRL_END_SOON,
	CRL_END_GOOD,
};

/* Between the dates of a CRL (RFC 5280, 5.1.2.4 and 5.1.2.5) how does a time stand?
 * until: nextUpdate, or as long as one without is believed. */
enum crl_end crl_end_at(int64_t from, int64_t until, int64_t at);

/* Of the authorities (tls.*_ca) of the three listeners of an instance, and the CRLs in
 * state/trust/revocation, of each authority the one that it signed and that ends
 * last: [{"listener",
 * "authority", "this_update", "next_update", "days_left", "standing"}], dates and days
 * null where there is none. An authority without any that issued another of the
 * listener's issues nobody's certificate, and has no row. A new reference; NULL: not
 * known, as they cannot be read, or without memory. */
json_t *crl_ends_report(const struct instance *instance, int64_t at);

/* The row of a report (NULL: none) that matters most, or NULL: all are good. */
const json_t *crl_ends_worst(const json_t *report);

/* Does one of a report keep people out, or will it soon? */
bool crl_ends_fails(const json_t *one);

/* What there is to say of one that is not good, in one line. */
#define CRL_ENDS_SAYS 400
void crl_ends_say(const json_t *one, char ret_text[CRL_ENDS_SAYS]);

/* Append a warning ({"code", "destination", "message"}) for each of a report (NULL: none)
 * that is not good. Return: 0 or -ENOMEM. */
int crl_ends_warn(json_t *list, const json_t *report);

#endif
