/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One setting of a destination's profile, with its type; what has another is refused with
 * file and line, never passed over.
 */
#ifndef SEALGATE_CONNECTORS_PROFILE_VALUES_H
#define SEALGATE_CONNECTORS_PROFILE_VALUES_H

#include "connectors/profile.h"

#include <libconfig.h>

struct profile_reader {
	const char *folder, *file;
	char **ret_error; /* one line, for whoever loads */
};

/* Say what is wrong at a setting (NULL: with the file), once. Return: -EINVAL. */
int profile_refuse(
	const struct profile_reader *r, const config_setting_t *s, const char *what);

/* Every member of the group is one of keys, which NULL ends. Return: 0 or -EINVAL. */
int profile_known_keys(const struct profile_reader *r, const config_setting_t *group,
	const char *const *keys);

/* A text, an expression with no other prefixes than p's namespaces, the text of a file
 * beside the profile that template names, with placeholders that requests know: *ret is
 * the caller's, and as it was where the group has no such member. Return: 0, -EINVAL,
 * -ENOMEM. */
int profile_text(const struct profile_reader *r, const config_setting_t *group,
	const char *key, char **ret);
int profile_xpath(const struct profile_reader *r, const struct profile *p,
	const config_setting_t *group, const char *key, xmlXPathCompExpr **ret);
int profile_template(
	const struct profile_reader *r, const config_setting_t *group, char **ret);

/* A whole number, for the caller to hold against its range: of what is none 0, which is
 * in no range here. *ret stays where the group has no such member. */
void profile_number(const config_setting_t *group, const char *key, int *ret);

/* true or false; true only where it may be. s NULL: *ret stays. Return: 0 or -EINVAL,
 * with what said. */
int profile_switch(const struct profile_reader *r, const config_setting_t *s, bool may,
	const char *what, bool *ret);

#endif
