/* SPDX-License-Identifier: EUPL-1.2 */
/* Which addresses are the world's, and which are somebody's own. */
#ifndef SEALGATE_COMMON_ADDRESS_H
#define SEALGATE_COMMON_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Is it a public unicast address, by IANA's registries of special-purpose addresses?
 * False for every other family. address has the size of its family. */
bool address_is_public(const struct sockaddr *address);

#endif
