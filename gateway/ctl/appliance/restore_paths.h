/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the two halves of restoring share (restore.h): paths, and how a refusal is said;
 * never for others.
 */
#ifndef SEALGATE_CTL_RESTORE_PATHS_H
#define SEALGATE_CTL_RESTORE_PATHS_H

#include <limits.h>

#define RESTORE_NEW "new" /* below the folder */
#define RESTORE_READY "ready"

/* FOLDER/NAME. Return: 0 or -ENAMETOOLONG. */
int restore_path(const char *folder, const char *name, char ret_path[PATH_MAX]);

/* "WHERE: WHAT" into *ret_error, in the place of what is there. Return: error. */
int restore_fail(char **ret_error, int error, const char *where, const char *what);

#endif
