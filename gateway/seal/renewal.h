/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When a container gets what proves it longer, as policy says (policies/signature/
 * renewal.cfg); never does it.
 */
#ifndef SEALGATE_SEAL_RENEWAL_H
#define SEALGATE_SEAL_RENEWAL_H

#include "common/instance.h"
#include "common/span.h"

#include <stdint.h>

#define RENEWAL_FILE "policies/signature/renewal.cfg"

enum seal_level { LEVEL_NONE = 0, LEVEL_B, LEVEL_T, LEVEL_LT, LEVEL_LTA };

/* "B", "T" ...; LEVEL_NONE for another text. */
const char *seal_level_text(enum seal_level level);
enum seal_level seal_level_find(const char *text);

struct renewal_rule {
	enum seal_level to; /* without a file T: only what is at B for want of an
			       authority */
	int lt_after_s;	    /* from the seal to the first try of LT */
	int retry_s;	    /* until a step that was not possible is tried again */
	int before_days;    /* the end of what proves a container, it gets more */
};

/* Read the rule. *ret_error: one line for people, the caller frees. Return: 0, -EINVAL,
 * -errno. */
int renewal_rule_open(
	const struct instance *instance, struct renewal_rule *ret, char **ret_error);

/* When a container that came to a level at now gets more; 0: never. bare: it has nothing
 * yet that proves a time; end: of LTA, until when its newest time-stamp proves. */
int64_t renewal_due(const struct renewal_rule *rule, enum seal_level level, bool bare,
	int64_t now, int64_t end);

/* Until when a time-stamp token proves: the end of its signer certificate or, earlier, of
 * an algorithm by the catalogue, found to a month. Return: seconds, 0 when it is none. */
int64_t renewal_end_of(struct span token, int64_t now);

#endif
