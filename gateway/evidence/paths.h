/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The certificate paths of what is in a container besides its seal, kept for whoever puts
 * in what proves them later; never judges one.
 */
#ifndef SEALGATE_EVIDENCE_PATHS_H
#define SEALGATE_EVIDENCE_PATHS_H

#include "pki/path.h"

#include <stddef.h>

#define EVIDENCE_PATHS_MAX 2 /* of the receipt, of the record */

struct evidence_paths {
	STACK_OF(X509) * list[EVIDENCE_PATHS_MAX]; /* signer first; owned */
	size_t count;
};

/* Add a path that passed. p may be NULL: nobody wants it. Return: 0, -ENOMEM. */
int evidence_paths_add(struct evidence_paths *p, const struct pki_path_result *path);
void evidence_paths_done(struct evidence_paths *p);

#endif
