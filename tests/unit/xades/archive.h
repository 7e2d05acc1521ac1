/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signatures with validation data and an archive time-stamp; never used outside tests.
 */
#ifndef SEALGATE_TESTS_XADES_ARCHIVE_H
#define SEALGATE_TESTS_XADES_ARCHIVE_H

#include "tests/unit/xades/fixture.h"

#include "xades/augment.h"

/* A signature with an archive time-stamp of some time over its time-stamp of STAMPED_AT.
 */
static UNUSED char *archived(const struct house *h, const char *when_archived)
{
	struct xades_options options = {
		.profile = XADES_EIDAS, .at = when(NOW), .material = h->m
	};
	char *text = make(
		h, (struct wish){ .place = XADES_ENVELOPED, .stamped_at = STAMPED_AT });
	struct xades_augment_plan plan = {
		.file = span_str(text), .options = &options, .id = "s1"
	};
	struct xades_stamp *s = NULL;
	char *reason = NULL, *out;
	struct octets token;
	struct buf octets, file, longer;

	buf_init(&octets, 1u << 22);
	buf_init(&file, 1u << 22);
	buf_init(&longer, 1u << 22);
	if (xades_add_validation_data(&plan, &longer, &reason) != 1)
		fail_msg("%s", reason);
	plan.file = buf_span(&longer);
	if (xades_stamp_prepare(&plan, XADES_STAMP_ARCHIVE, &s, &octets, &reason) != 1)
		fail_msg("%s", reason);
	token = stamp(&h->tsa, buf_span(&octets), when(when_archived));
	if (xades_stamp_finish(s, span_of_octets(&token), when(NOW), &file, &reason) != 1)
		fail_msg("%s", reason);
	octets_done(&token);
	xades_stamp_free(s);
	buf_done(&octets);
	buf_done(&longer);
	free(text);
	out = buf_take(&file, NULL);
	assert_non_null(out);
	return out;
}

#endif
