/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Small changes to a document as an example names them; never guesses where one belongs.
 */
#ifndef SEALGATE_CTL_POLICY_EDIT_H
#define SEALGATE_CTL_POLICY_EDIT_H

#include "document/xpath.h"
#include "policy/cfg.h"

/* The keys of a change; a table for cfg_check includes them. */
#define EDIT_KEYS                                                                        \
	{ "set", CFG_STRING, false }, { "to", CFG_STRING, false },                       \
		{ "remove", CFG_STRING, false }, { "into", CFG_STRING, false },          \
		{ "before", CFG_STRING, false }, { "after", CFG_STRING, false },         \
	{                                                                                \
		"xml", CFG_STRING, false                                                 \
	}

/* Make the change that a group names: set with to (the text of every node selected),
 * remove, or into, before or after with xml. A group without any is no change. An
 * expression that selects nothing is an error. Return: 0, -EINVAL, -ENOMEM. */
int policy_edit(const struct cfg *c, const config_setting_t *group,
	const struct prefixes *prefixes, xmlDoc *doc);

#endif
