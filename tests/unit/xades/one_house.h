/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One house for all tests of a file, and the two signatures that most of them begin with;
 * never used outside tests.
 */
#ifndef SEALGATE_TESTS_XADES_ONE_HOUSE_H
#define SEALGATE_TESTS_XADES_ONE_HOUSE_H

#include "tests/unit/xades/fixture.h"

static struct house h;

static UNUSED int set_up(void **state)
{
	(void)state;
	house_open(&h);
	return 0;
}

static UNUSED int tear_down(void **state)
{
	(void)state;
	house_close(&h);
	return 0;
}

static UNUSED char *plain(void)
{
	return make(&h, (struct wish){ .place = XADES_ENVELOPED });
}

static UNUSED char *stamped(void)
{
	return make(
		&h, (struct wish){ .place = XADES_ENVELOPED, .stamped_at = STAMPED_AT });
}

#endif
