/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files that `sealgate init` brings along; never overwrites what is there.
 */
#ifndef SEALGATE_CTL_INIT_H
#define SEALGATE_CTL_INIT_H

#include <limits.h>

/* Where the policies that come with sealgate are: beside the installed programs, or in
 * the source tree that they were built in. Return: 0 or -ENOENT. */
int init_shared_policies(char ret_path[PATH_MAX]);

/* Copy a folder's tree; files that exist stay as they are. Return: 0 or -errno. */
int init_copy_tree(const char *from, const char *to);

#endif
