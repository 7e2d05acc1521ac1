/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may ask what, and the threads that answer; never signs for a program that is not
 * the role's peer.
 */
#ifndef SEALGATE_PKCS11_SERVE_H
#define SEALGATE_PKCS11_SERVE_H

#include "common/daemon.h"
#include "common/ipc.h"
#include "pkcs11/guest.h"
#include "pkcs11/sign.h"

#define SERVE_CONNECTIONS_MAX GUEST_CONNECTIONS_MAX
#define SERVE_FIRST_MS 5000 /* from the connection to its first question */

struct signer_server {
	const struct instance *instance;
	struct signing *signing;
	pthread_mutex_t lock;
	pthread_cond_t gone;		    /* a connection ended */
	int sockets[SERVE_CONNECTIONS_MAX]; /* -1: free */
	size_t count;
	size_t guests[GUESTS]; /* connections of each kind */
	int first_ms;	       /* SERVE_FIRST_MS */
	atomic_uint_fast64_t refused;
};

void server_init(struct signer_server *s, const struct instance *instance,
	struct signing *signing);
void server_done(struct signer_server *s);

/* Answer one message of the peer at socket. *ret_fd: a memfd that goes with the answer
 * (the caller closes), or -1. Return: 0, -EPROTO when it is no message of the protocol,
 * -EACCES for a stranger; the connection is to be closed then. */
int serve_message(struct signer_server *s, int socket, const struct ipc_message *m,
	struct signer_result *ret_result, int *ret_fd);

/* Accept until the daemon shall stop, a thread a connection; then end all connections. */
void serve(struct signer_server *s, const struct daemon *d);

#endif
