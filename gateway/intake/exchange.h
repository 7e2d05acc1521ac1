/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One request on its way to its answer: who asks, what, under which policy; never
 * outlives the connection.
 */
#ifndef SEALGATE_INTAKE_EXCHANGE_H
#define SEALGATE_INTAKE_EXCHANGE_H

#include "intake/links.h"
#include "intake/server.h"
#include "intake/snapshot.h"
#include "web/request.h"
#include "web/response.h"

struct exchange {
	struct server *server;
	struct links *links; /* this thread's own; NULL where nothing may be asked */
	struct request *request;
	struct response *response;
	struct snapshot *snapshot;	     /* held */
	const struct partner *partner;	     /* of the snapshot; set by identify() */
	const struct customs_office *office; /* instead of a partner, at their listener */
	char certificate[SHA256_TEXT_SIZE];  /* of the client certificate */
	int64_t certificate_until;	     /* its notAfter */
	char id[DOCUMENT_ID_SIZE];	     /* of the path, or "" */
};

#endif
