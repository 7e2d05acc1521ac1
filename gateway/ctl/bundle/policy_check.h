/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Everything that a policy must be before it may be in force; never changes one.
 */
#ifndef SEALGATE_CTL_POLICY_CHECK_H
#define SEALGATE_CTL_POLICY_CHECK_H

#include "ctl/bundle/policy_examples.h"

#include <limits.h>
#include <stdio.h>

struct policy_checked {
	char digest[65];
	size_t types, rules, examples;
	size_t faults; /* said on out */
};

/* Load every part of a policy as the programs do, and compare the parts with each other:
 * types that partners and routes name, code lists, ids that are there twice. Faults are
 * lines "FILE:LINE: what" on out. Return: 0 when ret is filled, -errno. */
int policy_check_lint(const char *policies, FILE *out, struct policy_checked *ret);

/* As that, then every example; every rule and check must fail in one example and look at
 * something in a document that passes. Return: as above. */
int policy_check_test(const char *policies, FILE *out, struct policy_checked *ret);

/* The folder of policies that was named, else of the instance, else that which came with
 * sealgate. Return: 0 or negative after a fault was said. */
int policy_folder(const char *named, char ret_path[PATH_MAX]);

#endif
