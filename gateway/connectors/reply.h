/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a destination answered, read from its octets by its profile; runs in a verify
 * worker, never in the process that fetched them.
 */
#ifndef SEALGATE_CONNECTORS_REPLY_H
#define SEALGATE_CONNECTORS_REPLY_H

#include "common/span.h"
#include "connectors/profile.h"

#include <jansson.h>

/* Read an answer. *ret_reply (a new reference):
 * {"kind": "ok" | "fault" | "unreadable", "id", "status", "found": bool, "permanent":
 * bool, "already": bool, "fault_code", "fault_text", "request_id", "errors": ["ID:
 * message", ...]}. "decision": "favourable" or "unfavourable" when the answer says
 * one of them of what is there. "found" is there only when the answer says either that
 * the document is there or that it is not; an answer on which an expression fails is
 * unreadable. Of a push "ok" has an id, and JSON without one is a "fault". Return: 0, or
 * negative undecided. */
int reply_read(const struct profiles *profiles, const char *destination,
	struct span octets, json_t **ret_reply);

#endif
