/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What lint asks of the code lists of a policy, used by a type or not; never which codes
 * there ought to be.
 */
#ifndef SEALGATE_CTL_POLICY_LISTS_H
#define SEALGATE_CTL_POLICY_LISTS_H

/* Call fault with a line for each table that cannot be read, each code that is empty or
 * there twice, each index that is not the one of its table, and each version of no list.
 * Return: 0, -ENOMEM. */
int policy_lists_check(const char *policies,
	void (*fault)(const void *data, const char *line), const void *data);

#endif
