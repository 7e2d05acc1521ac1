/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Strict reading of one policy file: every setting is in a table with its type, every
 * error names FILE:LINE; never gives a default for what the caller must decide.
 */
#ifndef SEALGATE_POLICY_CFG_H
#define SEALGATE_POLICY_CFG_H

#include "common/cleanup.h"

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

struct cfg {
	config_t lib;
	const char *path; /* borrowed: names the file in errors */
	char **ret_error;
};

enum cfg_type { CFG_STRING, CFG_STRINGS, CFG_GROUP, CFG_GROUPS, CFG_BOOL, CFG_INT };

struct cfg_key {
	const char *name;
	enum cfg_type type;
	bool required;
};

/* Read a file; @include, octets of value zero and syntax errors are refused.
 * *ret_error: one line "FILE:LINE: what", the caller frees. Close with cfg_close when 0.
 * Return: 0, -EINVAL, -errno. */
int cfg_open(const char *path, struct cfg *ret_cfg, char **ret_error);
void cfg_close(struct cfg *c);
#define _cleanup_cfg_ _cleanup_(cfg_close)

/* The root group. */
config_setting_t *cfg_root(const struct cfg *c);

/* Set the error at a setting's line. Return: -EINVAL. */
int cfg_fail(const struct cfg *c, const config_setting_t *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Every member of group is in the table (ended by a NULL name) with its type, and every
 * required one is there. Return: 0 or -EINVAL. */
int cfg_check(
	const struct cfg *c, const config_setting_t *group, const struct cfg_key *keys);

/* Copy a string of 1 to size-1 printable characters. */
int cfg_text(const struct cfg *c, const config_setting_t *s, char *ret_text, size_t size);

/* As cfg_text, of the member of that name; cfg_check has seen that it is there. */
int cfg_member_text(const struct cfg *c, const config_setting_t *group, const char *name,
	char *ret_text, size_t size);

/* The strings of a list into count arrays of size octets each that lie one after another;
 * the same string twice is refused. Return: how many, or -EINVAL. */
int cfg_texts(const struct cfg *c, const config_setting_t *list, char *ret_texts,
	size_t size, size_t max);

/* A name as policy uses it: letters, digits, '-', '_', '.', first a letter or digit. */
bool cfg_name_ok(const char *text);

/* A SHA-256 as 64 hexadecimal digits, colons between pairs allowed, any case; normalised
 * to lower case without colons. */
int cfg_sha256(const struct cfg *c, const config_setting_t *s, char ret_text[65]);

/* ISO 3166-1 alpha-2 by its form: two capital letters. */
int cfg_country(const struct cfg *c, const config_setting_t *s, char ret_text[3]);

/* The files NAME.cfg in a folder, sorted by name; a folder that is absent is empty.
 * Hidden files and other endings are left out. Free with cfg_names_free. Return: how
 * many, or -errno. */
int cfg_files(const char *folder, char ***ret_names);
void cfg_names_free(char **names, size_t count);

#endif
