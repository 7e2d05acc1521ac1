/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a type of document says about attachments: whether they travel inside, how many,
 * how large, and that each is what it says it is; never opens, follows or keeps one.
 */
#ifndef SEALGATE_DOCUMENT_ATTACHMENTS_H
#define SEALGATE_DOCUMENT_ATTACHMENTS_H

#include "common/finding.h"
#include "document/attachment_kinds.h"

#include <libconfig.h>
#include <libxml/tree.h>
#include <stdint.h>

enum attachment_mode {
	ATTACHMENTS_ANY = 0,
	ATTACHMENTS_EMBEDDED,	/* octets in the document */
	ATTACHMENTS_REFERENCED, /* an address (@uri) and no octets */
	ATTACHMENTS_REFUSED,	/* none */
};

#define ATTACHMENTS_OPAQUE_MAX 8

/* Zeroed: nothing is demanded. */
struct attachments {
	bool given; /* the type says something of them */
	enum attachment_mode mode;
	int64_t count;	/* at most; 0: any number */
	int64_t octets; /* of each, decoded; 0: any */
	int64_t total;	/* of all together; 0: any */
	bool kinds;	/* content is what @mimeCode says, and that can be told: */
	const struct attachment_kinds *table; /* borrowed */
	/* but of these kinds, which nobody can tell, it is believed */
	char opaque[ATTACHMENTS_OPAQUE_MAX][64];
	size_t opaque_count;
};

/* Read the group `attachments` of a type. *kinds: the table of policies, read when it is
 * needed first. *ret_why: what is wrong, borrowed; *ret_error, of the table: one line,
 * the caller frees. Return: 0, -EINVAL, -errno. */
int attachments_read(const config_setting_t *group, const char *policies,
	struct attachment_kinds **kinds, struct attachments *ret, const char **ret_why,
	char **ret_error);

/* Findings doc.attachment-* for what breaks the limits, and whose kind cannot be told;
 * behind schema, codes and rules: an attachment of which one of them has said something
 * is not complained of again for its kind or want of content. Return: 0 or -ENOMEM. */
int attachments_check(
	const struct attachments *limits, xmlDoc *doc, struct findings *findings);

#endif
