/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The TCP addresses an instance listens on; never binds one for longer than a look.
 */
#ifndef SEALGATE_CTL_PORTS_H
#define SEALGATE_CTL_PORTS_H

#include "common/instance.h"

#include <netinet/in.h>

/* True when every listener of the instance takes a connection now. */
bool ports_answer(const struct instance *instance);

/* A loopback port that is free now. Return: the port or -errno. */
int ports_free(void);

#endif
