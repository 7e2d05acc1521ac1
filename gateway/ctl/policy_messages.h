/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether every sentence of a policy is there in every language that it speaks; never
 * what a translation says.
 */
#ifndef SEALGATE_CTL_POLICY_MESSAGES_H
#define SEALGATE_CTL_POLICY_MESSAGES_H

#include "document/types.h"

/* Call fault with a line for each that is missing, and for a catalogue that cannot be
 * read. Return: 0 or -ENOMEM. */
int policy_messages_check(const char *policies, const struct document_types *types,
	void (*fault)(const void *data, const char *line), const void *data);

#endif
