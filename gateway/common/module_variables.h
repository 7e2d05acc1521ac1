/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The environment by which a vendor's module finds its settings; never sets a variable
 * that whoever installed the module has not listed.
 */
#ifndef SEALGATE_MODULE_VARIABLES_H
#define SEALGATE_MODULE_VARIABLES_H

#include "common/instance.h"

/* Names that may be set, a line each: this file in the module's own folder. */
#define MODULE_VARIABLES_FILE "variables"

/* Set what signer.module_variables says, NAME=PATH between commas, each PATH as of
 * instance_path; before any thread. ret_text says what is wrong. Return: 0, -EINVAL it is
 * no such list, -EPERM a name is not listed, -errno. */
#define MODULE_VARIABLES_TEXT_SIZE 160
int module_variables(
	const struct instance *instance, char ret_text[MODULE_VARIABLES_TEXT_SIZE]);

/* The same of an instance that is about to be one, and nothing is set: what is named
 * within it is there, but for what its programs make (state/). Return: as above, and
 * -ENOENT it is not. */
int module_variables_judge(
	const struct instance *instance, char ret_text[MODULE_VARIABLES_TEXT_SIZE]);

#endif
