/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Document types out of a bundle instead of a folder; never leaves a file behind.
 */
#ifndef SEALGATE_CTL_CHECK_BUNDLE_H
#define SEALGATE_CTL_CHECK_BUNDLE_H

#include "common/digest.h"
#include "document/types.h"
#include "policy/messages.h"

/* Load the types and messages of a bundle, and the digest of the policy that it is the
 * public part of
 * ("" when it is a whole policy). *ret_error: one line, the caller frees. Return: 0,
 * -EINVAL, -errno. */
int check_bundle_load(const char *path, struct document_types **ret_types,
	struct messages **ret_messages, char ret_digest[SHA256_TEXT_SIZE],
	char **ret_error);

#endif
