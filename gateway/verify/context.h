/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * All that workers judge by, loaded and warmed before they are forked; never loaded anew:
 * a change is a new process.
 */
#ifndef SEALGATE_VERIFY_CONTEXT_H
#define SEALGATE_VERIFY_CONTEXT_H

#include "common/instance.h"
#include "connectors/profile.h"
#include "policy/admit.h"
#include "trust/snapshot.h"
#include "trust/store.h"
#include "verify/service.h"

struct context {
	struct policy *policy;
	struct document_types *types;
	struct trust_store *trust;
	struct trust_snapshot *lists; /* NULL: no trusted lists are at hand */
	char *store_version;	      /* of both */
	struct profiles *profiles;
	struct pki_material *container_material; /* anchors of seals and of TSAs */
	struct admit_context admit;
};

/* Changes when policies/ or the trust material do. */
uint64_t context_stamp(const struct instance *instance);

/* Load everything, then close the process's doors for good: once in a process.
 * *ret_error: one line, the caller frees. Return: 0 or negative; -EAGAIN when files
 * changed meanwhile. */
int context_load(
	const struct instance *instance, struct context *ret_context, char **ret_error);
void context_done(struct context *c);

/* What can be asked: struct service's modes, for a struct context. */
extern const struct mode VERIFY_MODES[];
extern const size_t VERIFY_MODE_COUNT;

/* The checks of a finished container (container.c), of a destination's answer
 * (reply.c), a seal in a document (inside.c) and what a document says (view.c); see
 * mode.check. */
int container_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report);
int reply_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report);
int inside_order_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report);
int view_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report);

/* A verdict about input under this context, still undecided. Return: 0 or -EIO. */
int context_verdict(const struct context *c, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict);

#endif
