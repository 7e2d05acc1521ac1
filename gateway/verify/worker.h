/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A worker: reads the octets of one subject behind closed doors; never opens a file or a
 * socket, never sees the asker's connection, never outlives its parent.
 */
#ifndef SEALGATE_VERIFY_WORKER_H
#define SEALGATE_VERIFY_WORKER_H

#include "verify/service.h"

enum worker_message {
	WORKER_WORK = 1, /* body: struct verify_request; fds: input */
	WORKER_DONE = 2, /* body: struct worker_done; fds: report when result is 0 */
};

struct worker_done {
	int32_t result; /* 0: decided; negative: undecided, as of mode.check */
	uint32_t reserved;
	struct verdict verdict;
};

/* In a fresh child: close the doors, then serve until the parent closes the socket. */
_Noreturn void worker_run(
	const struct service *s, const struct mode *mode, int socket, pid_t parent);

#endif
