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

/* A handshake with each listener, as a client that has no certificate makes it, and no
 * request behind it: it takes the connection, proves by TLS that it has the key of its
 * certificate, and asks for one of the client. One that closes what has said nothing yet
 * has no room for more, and lives. Return: NULL, or what is wrong, with
 * *ret_key of which one. SIGPIPE is the caller's: it must not end it. */
const char *ports_fault(const struct instance *instance, const char **ret_key);

/* A loopback port that is free now. Return: the port or -errno. */
int ports_free(void);

#endif
