/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What all threads of intake share: paths, name, policy; read-only but for the policy,
 * which has its own lock.
 */
#ifndef SEALGATE_INTAKE_SERVER_H
#define SEALGATE_INTAKE_SERVER_H

#include "common/instance.h"
#include "intake/quota.h"
#include "intake/renewed.h"
#include "intake/share.h"
#include "intake/snapshot.h"
#include "web/certificate.h"
#include "web/patience.h"

#include <stdatomic.h>

/* Together less than the 30 s that nginx waits for an answer. */
#define VERIFY_TIMEOUT_MS 8000
#define QUEUE_TIMEOUT_MS 4000
#define SIGNER_TIMEOUT_MS 4000

struct server {
	const struct instance *instance; /* borrowed */
	const char *name;		 /* of the instance; borrowed */
	bool test;
	enum web_revocation revocation; /* demanded of partners' certificates */
	char verify_socket[PATH_MAX];
	char queued_socket[PATH_MAX];
	char signer_socket[PATH_MAX];
	struct snapshots snapshots;
	struct renewed renewed;
	struct shares shares; /* of intake.threads */
	struct quotas quotas;
	struct patience explaining; /* with sealgate-handshake */
	atomic_bool probed;	    /* the health check is being served */
};

/* Return: 0, or negative with one line in *ret_error that the caller frees. */
int server_init(struct server *s, const struct instance *instance, char **ret_error);
void server_done(struct server *s);

/* May whoever connected be served? nginx may, and the health check's user once at a time:
 * it must not hold the threads that partners wait for. Others are logged. Where it may,
 * server_left follows, before the connection is closed. */
bool server_admits(struct server *s, int socket);
void server_left(struct server *s, int socket);

/* Serve one connection from request to answer; links NULL: answer that all are busy. */
struct links;
void server_serve(struct server *s, struct links *links, int socket);

#endif
