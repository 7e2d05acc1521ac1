/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What partners may have of the policy, ready to be sent; never more of it.
 */
#ifndef SEALGATE_INTAKE_PUBLIC_H
#define SEALGATE_INTAKE_PUBLIC_H

#include "common/digest.h"
#include "document/csv.h"
#include "policy/bundle.h"

struct public_part {
	struct bundle bundle;
	struct csv versions; /* of its code lists */
	int archive;	     /* memfd; -1: there is none */
	char sha256[SHA256_TEXT_SIZE];
};

/* Make it of the policies in a folder. *ret_error: one line, the caller frees.
 * Return: 0, or negative with an empty part. */
int public_part_load(struct public_part *p, const char *policies, const char *digest,
	char **ret_error);

/* NULL-safe for an empty or zeroed part. */
void public_part_done(struct public_part *p);

#endif
