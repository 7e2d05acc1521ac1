/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a type of document says about attachments: whether they travel inside, how many,
 * how large, and that each is what it says it is; never opens, follows or keeps one.
 */
#ifndef SEALGATE_DOCUMENT_ATTACHMENTS_H
#define SEALGATE_DOCUMENT_ATTACHMENTS_H

#include "common/finding.h"

#include <libconfig.h>
#include <libxml/tree.h>
#include <stdint.h>

enum attachment_mode {
	ATTACHMENTS_ANY = 0,
	ATTACHMENTS_EMBEDDED,	/* octets in the document */
	ATTACHMENTS_REFERENCED, /* an address (@uri) and no octets */
	ATTACHMENTS_REFUSED,	/* none */
};

/* Zeroed: nothing is demanded. */
struct attachments {
	enum attachment_mode mode;
	int64_t count;	/* at most; 0: any number */
	int64_t octets; /* of each, decoded; 0: any */
	int64_t total;	/* of all together; 0: any */
	bool kinds;	/* content is what @mimeCode says */
};

/* Read the group `attachments` of a type. *ret_why: what is wrong, borrowed.
 * Return: 0 or -EINVAL. */
int attachments_read(
	const config_setting_t *group, struct attachments *ret, const char **ret_why);

/* Findings doc.attachment-* for what breaks the limits. Return: 0 or -ENOMEM. */
int attachments_check(
	const struct attachments *limits, xmlDoc *doc, struct findings *findings);

#endif
