/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The doors of a worker: descriptors, limits, system calls; never opened again.
 */
#ifndef SEALGATE_VERIFY_SANDBOX_H
#define SEALGATE_VERIFY_SANDBOX_H

#include <stddef.h>
#include <sys/types.h>

#define SANDBOX_SOCKET 3

/* Keep only the socket, which becomes descriptor 3, with /dev/null as 0 to 2.
 * Return: 0 or -errno. */
int sandbox_descriptors(int socket);

/* Die with the parent, no core, no new privileges, no tracer, at most memory_mb of
 * address space more than now. CPU time is the parent's to limit. Return: 0 or -errno. */
int sandbox_limits(pid_t parent, size_t memory_mb);

/* From now on only the system calls of a worker; any other kills the process.
 * Return: 0 or -errno. */
int sandbox_system_calls(void);

#endif
