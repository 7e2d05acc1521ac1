/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rules of signature policy as data (policies/signature/rules.cfg): how much each weighs
 * in a profile, and which signature policies are known; never looks at a signature.
 */
#ifndef SEALGATE_XADES_RULES_H
#define SEALGATE_XADES_RULES_H

#include "common/span.h"
#include "xades/validate.h"

enum sig_rule {
	RULE_POLICY_KNOWN = 0,
	RULE_POLICY_DIGEST,
	RULE_TIMESTAMP_ORDER,
	RULE_TIMESTAMP_PASSES,
	RULE_SIGNING_CERTIFICATE,
	RULE_SIGNING_TIME,
	RULE_TARGET,
	RULE_KEY_INFO,
	RULE_PLACE,
	RULE_FORMAT,
	RULE_PROPERTIES,
	RULE_REFERENCE,
	RULE_COVERAGE,
	RULE_CONTAINER_MIMETYPE,
	RULE_CONTAINER_MANIFEST,
	RULE_CONTAINER_COVERAGE,
	RULE_CONTAINER_OTHER,
	RULE_COUNT
};

/* Zero: no rule can be forgotten into passing; it is what a table that was not read says.
 */
enum rule_level { RULE_FAIL = 0, RULE_WARN, RULE_INFORM, RULE_IGNORE };

/* Read the rules that were compiled in. Return: 0 or -EINVAL. */
int rules_setup(void);

enum rule_level rules_level(enum xades_profile profile, enum sig_rule rule);

/* What is known of a signature policy by its identifier, its digest by an algorithm of
 * the catalogue: 1 the digest is right, 0 it is another, -ENOENT not known. */
int rules_policy(const char *id, const char *digest, struct span value);

#endif
