/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The log of a program: journal when systemd runs it, standard error otherwise; called by
 * programs only, never by libraries. Never given a PIN, a key or a document's content.
 */
#ifndef SEALGATE_COMMON_LOG_H
#define SEALGATE_COMMON_LOG_H

#include <syslog.h>

/* Set the name that opens every line; text must live as long as the program. */
void log_open(const char *program);

/* Log one line. priority: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG. code
 * names the message in the catalogue ("signer.token-lost"); document is an id or NULL. */
void log_event(int priority, const char *code, const char *document, const char *format,
	...) __attribute__((format(printf, 4, 5)));

#endif
