/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed heads of the audit chain off the machine: to a web address or to a syslog server
 * over TLS; never one twice as long as its mark is kept, never without a verified peer.
 */
#ifndef SEALGATE_CTL_AUDIT_SHIP_H
#define SEALGATE_CTL_AUDIT_SHIP_H

#include "ctl/peer.h"

/* `sealgate audit ship`. Return: enum exit_status. */
int audit_ship(int argc, char **argv);

struct syslog_server;

/* Connect to HOST:PORT (RFC 5425); the name must be in its certificate. *ret_error: one
 * line, the caller frees. Return: 0, -EINVAL, -EIO. */
int syslog_connect(const char *address, const struct http_identity *identity,
	struct syslog_server **ret, char **ret_error);

/* One message of RFC 5424 with text as it stands. Return: 0 or -EIO. */
int syslog_send(struct syslog_server *s, const char *host, const char *text);

/* A whole message as it stands, of which the length goes before it. Return: 0 or -EIO. */
int syslog_write(struct syslog_server *s, struct span message);

/* End orderly: the server has read all when it closes, too. Return: 0 or -EIO. */
int syslog_end(struct syslog_server *s);

#endif
