/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an instance must have before its programs can start; never starts or makes
 * anything.
 */
#ifndef SEALGATE_CTL_UP_CHECK_H
#define SEALGATE_CTL_UP_CHECK_H

#include "common/instance.h"

#include <stdio.h>

/* List every file of the configuration that is not there, a line each with its key and
 * what it is. Return: how many. */
int up_list_missing(const struct instance *instance, FILE *out);

#endif
