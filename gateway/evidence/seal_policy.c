/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/seal_policy.h"

#include <stdio.h>
#include <string.h>

#define TEST_PREFIX "TEST "
#define LEVEL_B_SUFFIX ", level B"

/* Newest first. A text that has sealed anything stays here for ever. */
/* clang-format off */
static const struct seal_policy POLICIES[] = {
	{ "urn:sealgate:seal-policy:3", {
		0x98, 0xfe, 0xc7, 0x31, 0x55, 0xae, 0xb3, 0x25,
		0x32, 0xb8, 0x7d, 0xb3, 0x84, 0x71, 0xbb, 0x33,
		0xd8, 0x86, 0xbc, 0xb4, 0x0c, 0x4d, 0x6c, 0xf9,
		0xf2, 0xd1, 0xd3, 0xd8, 0x7a, 0x72, 0x85, 0x36,
	}, .level_b = true },
	{ "urn:sealgate:seal-policy:2", {
		0x07, 0x48, 0xf0, 0x22, 0x2d, 0x49, 0x9e, 0x50,
		0x06, 0xc1, 0x80, 0x66, 0x3b, 0x37, 0x08, 0x45,
		0xda, 0x2c, 0xe8, 0x89, 0x35, 0x4c, 0xbc, 0x3c,
		0x28, 0xc9, 0xf1, 0x9e, 0xae, 0x3e, 0x2c, 0x97,
	}, .level_b = true },
	{ "urn:sealgate:seal-policy:1", {
		0x44, 0xf1, 0x89, 0xd6, 0x99, 0x39, 0xb6, 0x65,
		0x0d, 0x80, 0x84, 0xbe, 0x40, 0xfa, 0xed, 0xed,
		0xec, 0x46, 0xfd, 0xb7, 0x8d, 0x29, 0x70, 0xe4,
		0xe2, 0xab, 0xe6, 0x39, 0x06, 0xe3, 0x4b, 0x3f,
	}, .level_b = false },
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

char *seal_role(const char *instance, bool test, bool level_b)
{
	char *role;

	if (asprintf(&role, "%sseal of the gate %s%s", test ? TEST_PREFIX : "", instance,
		    level_b ? LEVEL_B_SUFFIX : "") < 0)
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

bool seal_role_is_level_b(const char *role)
{
	size_t n = strlen(role), suffix = strlen(LEVEL_B_SUFFIX);

	return n > suffix && strcmp(role + n - suffix, LEVEL_B_SUFFIX) == 0;
}
