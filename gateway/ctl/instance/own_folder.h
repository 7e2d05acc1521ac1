/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A folder of an instance that one program writes; never what is in it.
 */
#ifndef SEALGATE_CTL_OWN_FOLDER_H
#define SEALGATE_CTL_OWN_FOLDER_H

#include "common/instance.h"

/* Make it if it is not there, with the mode whatever the umask is, under the program's
 * uid where programs have one each. Where it is the program's already, nothing is asked
 * of the kernel: whoever calls may not be one to change owners. Return: 0 or -errno. */
int own_folder(const struct instance *instance, const char *name, const char *program,
	mode_t mode);

#endif
