/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/seal_policy.h"

#include <stdio.h>
#include <string.h>

#define TEST_PREFIX "TEST "

/* Newest first. A text that has sealed anything stays here for ever. */
static const struct seal_policy POLICIES[] = {
	{ "urn:sealgate:seal-policy:1",
		{
			0xbb, 0x8e, 0x28, 0x74, 0x16, 0xc5, 0x1e, 0x44,
			0x0f, 0xae, 0x8d, 0xe8, 0x82, 0x76, 0x07, 0xed,
			0x5c, 0x55, 0x83, 0x2f, 0xda, 0x8d, 0xa2, 0x10,
			0x3b, 0xb6, 0x34, 0x1f, 0xd5, 0xcb, 0x22, 0x0b,
		} },
};

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

	if (asprintf(&role, "%sseal of the gate %s", test ? TEST_PREFIX : "", instance) < 0)
		return NULL;
	return role;
}

bool seal_role_is_test(const char *role)
{
	return strncmp(role, TEST_PREFIX, strlen(TEST_PREFIX)) == 0;
}
