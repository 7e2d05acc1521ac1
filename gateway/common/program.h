/* SPDX-License-Identifier: EUPL-1.2 */
/* Programs stand in one folder: who runs another finds it beside itself. */
#ifndef SEALGATE_COMMON_PROGRAM_H
#define SEALGATE_COMMON_PROGRAM_H

#include <limits.h>

/* The path of the program `name` in the folder of the running one. Return: 0, or -errno:
 * -ENOENT or -EACCES when it cannot be run. */
int program_beside(const char *name, char ret_path[PATH_MAX]);

#endif
