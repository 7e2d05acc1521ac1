/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Versions of a schema side by side as data, the files of policies/versions: which
 * namespaces one has, as what it is read, and until when; never knows types or rules.
 */
#ifndef SEALGATE_DOCUMENT_VERSIONS_H
#define SEALGATE_DOCUMENT_VERSIONS_H

#include "document/facts.h"

#define VERSION_NAMESPACES_MAX 16

struct document_versions;

/* Load policies/versions; *ret stays NULL where there is no such folder, and is to be
 * freed whatever is returned. Must run before xml_setup. *ret_error: one line, the caller
 * frees. Return: 0, -EINVAL, -errno. */
int document_versions_load(
	const char *policies, struct document_versions **ret, char **ret_error);
void document_versions_free(struct document_versions *v);

/* Read a document of a known version as one of the version that types are written for:
 * facts say which it is; in tree and facts its namespaces, and the edition of the code
 * lists that attributes name, become those that types know. Findings doc.version-* when
 * it is not taken any more or mixes namespaces of two. v may be NULL. Return: 1 nothing
 * to say, 0 with findings, negative undecided. */
int document_versions_read(const struct document_versions *v, xmlDoc *doc,
	struct facts *facts, int64_t at, struct findings *findings);

/* Whether no public sample exists to test a version with; v may be NULL. */
bool document_version_experimental(const struct document_versions *v, const char *name);

#endif
