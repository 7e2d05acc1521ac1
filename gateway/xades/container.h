/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A container while its signatures are validated; private to xades/container*.c, never
 * looks into a signature.
 */
#ifndef SEALGATE_XADES_CONTAINER_H
#define SEALGATE_XADES_CONTAINER_H

#include "xades/packed.h"
#include "xades/rules.h"
#include "xades/validate.h"

#define CONTAINER_MANIFEST "META-INF/manifest.xml"

struct container_check {
	const struct xades_options *options;
	struct xades_report *report;
	struct packed files;
	struct xades_detached *detached; /* as files, in their order */
	bool *covered;
	bool refused; /* a rule that weighs FAIL is not kept */
};

/* What is signed: every file but the type, folders and META-INF. */
bool container_is_object(const char *name);
bool container_is_signature(const char *name);

/* A rule is not kept: say so at a file as it weighs. */
void container_rule(struct container_check *k, enum sig_rule rule, const char *code,
	const char *file, const char *why);

/* container_rules.c: type, list of files, what is not looked at. Return: 0 or negative.
 */
int container_rules(struct container_check *k);

/* Files that no valid signature covers; after the signatures. */
void container_coverage(struct container_check *k);

#endif
