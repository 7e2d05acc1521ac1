/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/seal_policy.h"

#include <stdio.h>
#include <string.h>

#define TEST_PREFIX "TEST "

/* Newest first. A text that has sealed anything stays here for ever. */
/* clang-format off */
static const struct seal_policy POLICIES[] = {
	{ "urn:sealgate:seal-policy:1", {
		0x44, 0xf1, 0x89, 0xd6, 0x99, 0x39, 0xb6, 0x65,
		0x0d, 0x80, 0x84, 0xbe, 0x40, 0xfa, 0xed, 0xed,
		0xec, 0x46, 0xfd, 0xb7, 0x8d, 0x29, 0x70, 0xe4,
		0xe2, 0xab, 0xe6, 0x39, 0x06, 0xe3, 0x4b, 0x3f,
	} },
};
/* clang-format on */

const struct seal_policy *seal_policy_current(void)
{
	return &POLICIES[0];
}

const struct seal_policy *seal_policy_find(const char *id)
{
	for (size_t i = 0; i < sizeof(POLICIES) / sizeof(POLICIES[0]); i++)
		if (strcmp(POLICIES[i].id, id) == 0)
			return &POLICIES[i];
	return NULL;
}

char *seal_role(const char *instance, bool test)
{
	char *role;

	if (asprintf(&role, "%sseal of the gate %s", test ? TEST_PREFIX : "", instance) <
		0)
		return NULL;
	return role;
}

char *receipt_role(const char *instance, bool test)
{
	char *role;

	if (asprintf(&role, "%sreceipt of the gate %s", test ? TEST_PREFIX : "",
		    instance) < 0)
		return NULL;
	return role;
}

bool seal_role_is_test(const char *role)
{
	return strncmp(role, TEST_PREFIX, strlen(TEST_PREFIX)) == 0;
}
