/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the gate publishes of its certificates: those in use, and notices of those to
 * come; never whether anybody should trust them.
 */
#ifndef SEALGATE_EVIDENCE_PUBLISHED_H
#define SEALGATE_EVIDENCE_PUBLISHED_H

#include "common/json.h"
#include "common/span.h"
#include "pki/material.h"

/* Below policies/: who relies on the gate's seals is told before its key changes. */
#define PUBLISHED_NOTICES "signature/rollover.cfg"

/* The roles whose certificates are published; the optional ones come last and may not be
 * there. */
#define PUBLISHED_ROLES 4
#define PUBLISHED_ALWAYS 3
extern const char *const PUBLISHED_ROLE[PUBLISHED_ROLES];

/* A role's certificate with its chain, of concatenated DER, its own first. Return: a new
 * reference; NULL for what is no certificate, or without memory. */
json_t *published_certificate(const char *role, const char *mechanism, struct span der);

/* The notices of a policies folder, an empty array without any: role, from when, SHA-256
 * and base64 of the certificate, text. *ret_error: one line, the caller frees. Return: a
 * new reference or NULL. */
json_t *published_notices(const char *policies, char **ret_error);

/* The role whose key signs call-backs. */
#define PUBLISHED_RECEIPT "receipt"

/* What files of certificates had. */
struct published {
	struct pki_material *all; /* all of them, untrusted: of these paths are built */
	struct pki_material *receipt; /* by an answer's own word of that role */
	bool answered;		      /* one was an answer: roles are known */
};

/* Add certificates of a file: PEM or DER, or what GET /v1/certificates answered, those to
 * come included. all and receipt are the caller's, and must be there. *ret_error: one
 * line or NULL, the caller frees. Return: how many were there, or -EINVAL, -errno. */
int published_load(struct published *p, const char *path, char **ret_error);

#endif
