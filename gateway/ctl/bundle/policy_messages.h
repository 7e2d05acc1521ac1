/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether every sentence of a policy is there in every language that it speaks; never
 * what a translation says.
 */
#ifndef SEALGATE_CTL_POLICY_MESSAGES_H
#define SEALGATE_CTL_POLICY_MESSAGES_H

#include "document/types.h"
#include "policy/policy.h"

/* Call fault with a line for each that is missing, and for a catalogue that cannot be
 * read. Return: 0 or -ENOMEM. */
int policy_messages_check(const char *policies, const struct document_types *types,
	void (*fault)(const void *data, const char *line), const void *data);

/* Fault each partner that is to be answered in a language that the policy does not have.
 * Return: 0, -ENOMEM. */
int policy_languages_check(const char *policies, const struct policy *policy,
	void (*fault)(const void *data, const char *line), const void *data);

#endif
