/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The options of `sealgate verify`; never judges a document.
 */
#ifndef SEALGATE_CTL_VERIFY_OPTIONS_H
#define SEALGATE_CTL_VERIFY_OPTIONS_H

#include "trust/snapshot.h"
#include "xades/validate.h"

enum verify_format { VERIFY_JSON = 0, VERIFY_TEXT, VERIFY_ETSI };

struct verify_options {
	struct xades_options validation;
	struct pki_material *material;	 /* owned; what validation.material points to */
	struct xades_detached *detached; /* owned, with name and data */
	struct xades_sunset *sunsets;	 /* owned, with their anchors */
	enum verify_format format;
	const char *store;
	int64_t known_at;
	struct trust_snapshot *snapshot; /* of the store, owned; NULL: none of lists */
	char store_version[SHA256_TEXT_SIZE]; /* "" without a store */
};

/* Read argv, files included. Complains on standard error.
 * Return: index of the first file, or -1: usage. Undo with verify_options_done. */
int verify_options_read(struct verify_options *o, int argc, char **argv);
void verify_options_done(struct verify_options *o);

#endif
