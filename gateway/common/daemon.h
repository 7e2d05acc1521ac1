/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What every daemon does alike: options, instance, socket, readiness, orderly end; never
 * what one daemon does alone.
 */
#ifndef SEALGATE_COMMON_DAEMON_H
#define SEALGATE_COMMON_DAEMON_H

#include "common/instance.h"

#include <stdbool.h>

struct daemon {
	const char *name; /* "queued": names socket, uid and log lines */
	struct instance instance;
	int socket;  /* listening; -1 for a daemon without one */
	int stop_fd; /* readable once SIGTERM or SIGINT came */
};

enum daemon_socket { DAEMON_NO_SOCKET, DAEMON_SEQPACKET, DAEMON_STREAM };

/* Read options (--instance DIR, --help, --version), open the instance, take the listening
 * socket (LISTEN_FDS of socket activation, else run/NAME.sock, mode 0666: the peer's uid
 * is what counts), block SIGTERM and SIGINT and hand them to stop_fd, ignore SIGPIPE, log
 * to the journal or standard error. usage is the text of --help. Return: -1 go on, else
 * the status to exit with. */
int daemon_start(struct daemon *d, const char *name, enum daemon_socket kind, int argc,
	char **argv, const char *usage);

/* More descriptors than the soft limit of a user's processes: for programs whose threads
 * hold several each. As many as the hard limit lets, at most 8192; never fewer. */
void daemon_raise_descriptors(void);

/* Tell the supervisor that the daemon serves (NOTIFY_SOCKET), and the audit chain that it
 * does, in which version (common/events.h); what cannot be noted is logged and ends
 * nothing. */
void daemon_ready(const struct daemon *d);

/* The main loop goes round: what the manager's watchdog (WatchdogSec=) hears. Waits below
 * say so by themselves. Nothing where nobody listens. */
void daemon_alive(void);

/* How long a loop may sleep so that the watchdog hears it in time: ms, or less. ms below
 * zero: for ever. */
int daemon_alive_within(int ms);

/* Wait for a connection or the end. Return: a connection with timeout_ms set for its
 * sends and receives, -1 when the daemon shall stop. */
int daemon_accept(const struct daemon *d, int timeout_ms);

/* The same without waiting, where the caller has made the socket one that never blocks;
 * short of descriptors or memory it takes its time. Return: a connection or -1. */
int daemon_accept_now(const struct daemon *d, int timeout_ms);

/* Sleep up to ms, or until the end when ms is below zero. Return: true when the daemon
 * shall stop. */
bool daemon_wait(const struct daemon *d, int ms);

/* What served is noted to have ended; one that was killed is seen by its next start. */
void daemon_done(struct daemon *d);

#endif
