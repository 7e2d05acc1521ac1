/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files of an appliance's configuration that may be secrets: which of them are none,
 * which two cannot be told apart, and how a sealed one is kept; never decrypts one.
 */
#ifndef SEALGATE_CTL_SECRET_FILES_H
#define SEALGATE_CTL_SECRET_FILES_H

#include "common/span.h"

#include <stdbool.h>

#define SECRET_FILE_MAX (1u << 20) /* as large as the service manager takes one */
#define SECRET_SEALED_MAX (4 * SECRET_FILE_MAX) /* base64, and what encryption adds */

/* Certificates in PEM, at least one, and beside them nothing but empty lines and comments
 * (#)? Whatever else there is may be a secret. */
bool secret_is_public(struct span text);

/* Is there a private key in PEM in a file, of whatever length? Return: 1, 0, -errno. */
int secret_lies_in(const char *path);

/* Would the service manager call both by one name (instance_credential)? Then a program
 * would be given one for the other. */
bool secret_clash(const char *path, const char *other);

/* Put what was sealed to `to`, readable by its owner only, so that it is whole
 * there after a power cut. Return: 0, -ENODATA it is empty, -errno. */
int secret_keep(struct span sealed, const char *to);

#endif
