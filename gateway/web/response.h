/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One answer in the form that nginx takes from SCGI (RFC 3875 6): status line, few
 * headers, a body of known length; never sends X-Correlation-Id, which nginx adds to
 * every answer.
 */
#ifndef SEALGATE_WEB_RESPONSE_H
#define SEALGATE_WEB_RESPONSE_H

#include "common/cleanup.h"
#include "common/limits.h"

#include <jansson.h>

#define TYPE_JSON "application/json"
#define TYPE_PROBLEM "application/problem+json"
#define TYPE_XML "application/xml"
#define TYPE_TAR "application/x-tar"
#define TYPE_CSV "text/csv; charset=utf-8; header=present"
#define TYPE_CONTAINER "application/vnd.etsi.asic-e+zip"

struct response {
	int status;		   /* 0: nobody decided, sent as 500 */
	const char *type;	   /* Content-Type; static text */
	const char *code;	   /* of a problem, for the log; static text or NULL */
	const char *allow;	   /* Allow, or NULL; static text */
	const char *extension;	   /* name the body ID.extension when saved, or NULL */
	char language[8];	   /* Content-Language, or "" */
	int retry_after;	   /* seconds, or 0 */
	unsigned int next_page;	   /* Link to it (RFC 8288), or 0 */
	char id[DOCUMENT_ID_SIZE]; /* of the document it is about, or "" */
	char *body;		   /* owned; or */
	int body_fd;		   /* owned: a memfd, sent whole; -1 without */
};

void response_init(struct response *r);
void response_done(struct response *r);

/* The phrase of a status ("Not Found"). */
const char *response_phrase(int status);

/* Take a JSON value as the body; json is released. Without memory the status becomes 500.
 */
void response_json(struct response *r, int status, const char *type, json_t *json);

/* Take text or a descriptor as the body; it belongs to the response from now on. */
void response_text(struct response *r, int status, const char *type, char *text);
void response_fd(struct response *r, int status, const char *type, int fd);

/* Write it. Return: 0 or -errno. */
int response_send(const struct response *r, int socket);

#define _cleanup_response_ _cleanup_(response_done)

#endif
