/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether those whom admin names may have a command run, by the policy in force, and its
 * record in the audit chain; never who they are, which nobody but admin has seen.
 */
#ifndef SEALGATE_OPERATE_AUTHORITY_H
#define SEALGATE_OPERATE_AUTHORITY_H

#include "common/instance.h"
#include "web/remote.h"

#include <jansson.h>

/* May a request that remote_find has judged ({"by": who, "after": who asked before}),
 * with the piece that it brings, or -1, be run? Both are people of the policy whose role
 * has the verb, and two where it wants two. Nothing but its people is read: a policy that
 * is broken elsewhere can be rolled back. What changes something is in the chain before,
 * or is not run. Return: NULL, or the code of the reason why not, static text. */
const char *authority_fault(const struct instance *instance,
	const struct remote_command *row, const json_t *request, int piece);

#endif
