/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Versions of code lists as a whole, policies/codes/lists.csv: a row a list (code), what
 * it is (name), its version, and the days from and until which that is the one to use;
 * never whether a code of it holds, which the list itself says.
 */
#ifndef SEALGATE_DOCUMENT_CODE_VERSIONS_H
#define SEALGATE_DOCUMENT_CODE_VERSIONS_H

#include "document/csv.h"

#include <stdbool.h>
#include <stdint.h>

/* Octets of a phrase, and of a version, which is no longer. */
#define CODE_VERSION_SIZE 100
#define CODE_VERSION_MAX 40

/* What the table says of a list; all point into the table and are "" where it is silent.
 */
struct code_version {
	const char *title, *version, *from, *until;
};

/* Read the table of a policy; without one ret_table is empty. *ret_error: one line
 * "FILE:LINE: what", the caller frees. Return: 0, -EINVAL, -errno. */
int code_versions_read(const char *policies, struct csv *ret_table, char **ret_error);

/* Return: whether the table has the list. */
bool code_version_of(const struct csv *table, const char *list, struct code_version *ret);

enum code_version_state {
	CODE_VERSION_HOLDS = 0,
	CODE_VERSION_TOO_EARLY,
	CODE_VERSION_OVER,
};

/* Whether the version is the one to use on the day of a time in seconds. */
enum code_version_state code_version_at(const struct code_version *v, int64_t at);

/* Write what a finding says behind a list's name: "", ", version 3,", or when the day is
 * not of those, ", version 3 (../2026-12-31)," with them as ISO 8601-2 writes an interval
 * (in every language the same). */
void code_version_phrase(
	const struct code_version *v, int64_t at, char ret_text[CODE_VERSION_SIZE]);

#endif
