/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the parts of admin share: the instance, one request with the person who asks;
 * never an act without a named person.
 */
#ifndef SEALGATE_ADMIN_ADMIN_H
#define SEALGATE_ADMIN_ADMIN_H

#include "common/beside.h"
#include "common/instance.h"
#include "pki/material.h"
#include "policy/policy.h"
#include "queue/client.h"
#include "web/certificate.h"
#include "web/patience.h"
#include "web/request.h"
#include "web/response.h"

#define QUEUE_TIMEOUT_MS 4000
#define SIGNER_TIMEOUT_MS 3000

struct admin {
	const struct instance *instance;
	char policies[PATH_MAX], authorities[PATH_MAX], revocation[PATH_MAX];
	enum web_revocation demanded; /* of operators' certificates */
	struct beside commands;	      /* that run beside the visits */
	struct patience explaining;   /* with sealgate-handshake */
};

struct visit {
	struct admin *admin;
	struct request *request;
	struct response *response;
	struct policy *policy;		      /* as it is now */
	const struct operator_person *person; /* of the policy; set by visit_identify() */
	struct queue *queue;		      /* NULL: away */
	bool mends;			      /* the person has the verb machine */
	bool elsewhere;			      /* another process answers: not this one */
	bool last; /* this process is that one: it ends with the answer */
};

/* Answer that the header, or the client certificate, is longer than what is read. */
void visit_too_long(struct visit *v);

/* Find out who asks. Return: 1, 0 with a problem in the response. */
int visit_identify(struct visit *v);

/* May the person do this? Return: true, or false with a problem in the response. */
bool visit_may(struct visit *v, const char *verb);

/* Answer with a problem of the table of reasons. */
void visit_problem(
	struct visit *v, const char *code, const char *received, const char *detail);

/* Answer that the state does not allow the act: what the state is, of the deliveries,
 * too, and what the verb is for. */
void visit_illegal(struct visit *v, const char *id, enum queue_control verb,
	const char *destination);

/* Answer by the table of resources (route.c). */
void visit_dispatch(struct visit *v);

/* Has another person asked for the same (by the digest of it) within a quarter of an
 * hour? Return: true with the name, and it is forgotten; false: this person is
 * remembered. */
bool second_person(const char *digest, const char *person, char *ret_first, size_t size);

/* Does a release take two people? Then propose it: the answer is 202 with its number, or
 * a problem. */
bool release_is_reviewed(const struct visit *v, enum queue_control verb);
void release_propose(
	struct visit *v, const struct queue_selection *selection, const char *reason);

/* Answer with an answer of queued: its JSON, or a problem. */
void visit_give(struct visit *v, int answer, int fd, const char *received);

/* The body of an act: a reason for the audit record is in it. Return: 1, 0 with a
 * problem. */
int visit_act(struct visit *v, json_t **ret_body, const char **ret_reason);

/* The resources. rest: what follows the resource's prefix in the path. */
void health_get(struct visit *v, const char *rest);
void metrics_get(struct visit *v, const char *rest);
void queue_resource_get(struct visit *v, const char *rest);
void queue_resource_post(struct visit *v, const char *rest);
void acts_post(struct visit *v, const char *rest);
void maintenance_post(struct visit *v, const char *rest);
void legal_hold_post(struct visit *v, const char *rest);
void reviews_get(struct visit *v, const char *rest);
void reviews_post(struct visit *v, const char *rest);
void explain_get(struct visit *v, const char *rest);
void appliance_get(struct visit *v, const char *rest);
void audit_get(struct visit *v, const char *rest);
void command_post(struct visit *v, const char *rest);
void piece_post(struct visit *v, const char *rest);

/* Have a request run that remote_find has judged, with the piece that it brings
 * (borrowed), or -1, if the person may, policy wants no second one any more and there is
 * a place; or answer why not. */
struct remote_command;
void command_authorise(
	struct visit *v, const struct remote_command *row, json_t *request, int piece);

/* A check of the health: {"ok", "message", "fix"}; the message names the state, the fix
 * the way back. That of the time-stamps: are there any, and do documents wait for theirs?
 */
json_t *check(bool ok, const char *message, const char *fix);
json_t *stamps_check(const struct visit *v, const json_t *figures);

/* Whether the clock agrees with what the gate judges by, whether that is anything, and
 * how the certificates in use stand by it; each as check, NULL: no memory. */
void trust_checks(const struct visit *v, json_t **ret_clock, json_t **ret_store,
	json_t **ret_certificates);

/* The last of these, by a store (NULL: it cannot be read); with "roles", as in_use_report
 * has it. */
struct trust_store;
json_t *certificates_check(const struct visit *v, const struct trust_store *store);

/* For how long CRLs let in who comes; with "crls", as crl_ends_report has it. */
json_t *revocation_check(const struct visit *v);

/* All checks by name, of the signer's status and the queue's figures (NULL: away): a new
 * reference, NULL: no memory. */
json_t *health_checks(const struct visit *v, const json_t *signer, const json_t *figures);

/* The signer's status as JSON (new reference) or NULL when it is away. */
json_t *signer_state(const struct visit *v);

/* The queue's figures (new reference) or NULL when it is away. */
json_t *queue_figures(struct visit *v);

#endif
