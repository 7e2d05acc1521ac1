/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The loop of queued: gathers what all connections ask, runs it in one transaction,
 * answers after the commit; never answers before, never serves a connection in a thread
 * of its own.
 */
#ifndef SEALGATE_QUEUED_SERVER_H
#define SEALGATE_QUEUED_SERVER_H

#include "common/instance.h"
#include "queue/engine.h"

#include <stdbool.h>

struct server_options {
	const struct instance *instance;  /* names peers; NULL with peer */
	const char *folder;		  /* state/queue */
	const struct engine_place *place; /* NULL: SQLite in the folder */
	int listener;		     /* SEQPACKET; -1 for a session over one connection */
	int session;		     /* that connection; -1 with a listener */
	const char *peer;	     /* name of the session's peer */
	int stop_fd;		     /* readable: finish the batch and return; -1: none */
	const struct daemon *daemon; /* says that it serves; NULL: nobody waits for it */
	int64_t head_records;	     /* write state/queue/head after so many records */
	int64_t head_ms;	     /* or so much time */
};

/* Serve until told to stop or, for a session, until its end. Takes e over.
 * Return: 0, or -errno when what is on the disk is unknown and a new process must look.
 */
int server_run(const struct server_options *options, struct engine *e);

#endif
