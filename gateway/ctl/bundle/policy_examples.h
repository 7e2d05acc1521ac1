/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The examples that a policy carries, policies/examples/NAME.cfg: a document that passes,
 * and small changes to it, each with what must be found then; never a document of a
 * partner.
 */
#ifndef SEALGATE_CTL_POLICY_EXAMPLES_H
#define SEALGATE_CTL_POLICY_EXAMPLES_H

#include "document/types.h"
#include "policy/cfg.h"

#include <stdint.h>

#define EXAMPLE_NAMES_MAX 16
#define EXAMPLE_NAME_SIZE 64

/* What one example shows: the rules, checks or reasons that must be found, none where it
 * passes. */
struct example {
	char names[EXAMPLE_NAMES_MAX][EXAMPLE_NAME_SIZE];
	size_t name_count;
};

/* Told of each example: as it must be, or not, with a sentence "FILE:LINE: what". */
typedef void example_told(void *data, const struct example *e, const char *failure);

/* Run every file. *ret_error: what is wrong with a file, the caller frees.
 * Return: 0, -EINVAL, -errno. */
int policy_examples_run(const char *policies, const struct document_types *types,
	example_told *told, void *data, char **ret_error);

#endif
