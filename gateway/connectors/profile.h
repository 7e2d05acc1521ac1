/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Destinations as data, policies/routes/destinations/NAME.cfg: protocol, addresses,
 * request templates, where a reply's values are read, how faults are told apart; never a
 * connection.
 */
#ifndef SEALGATE_CONNECTORS_PROFILE_H
#define SEALGATE_CONNECTORS_PROFILE_H

#include "common/cleanup.h"
#include "common/limits.h"

#include <libxml/xpath.h>
#include <stdbool.h>
#include <stddef.h>

#define PROFILE_NAMESPACES_MAX 16

enum profile_protocol { PROFILE_SOAP = 1, PROFILE_PUSH, PROFILE_PULL };

/* What a destination gets in the place of the container: the document with a seal in it,
 * beside its signatures or over one of them. */
enum profile_inside {
	PROFILE_INSIDE_NONE = 0,
	PROFILE_INSIDE_PARALLEL,
	PROFILE_INSIDE_COUNTER
};

/* A request that a destination understands and where its answer is read. XPath for SOAP,
 * member names for push; NULL where the profile says nothing. */
struct profile_operation {
	char *action;		  /* SOAPAction */
	char *template;		  /* envelope with ${placeholders}, the file's text */
	char *id_text;		  /* member name of the reply's id (push) */
	xmlXPathCompExpr *id;	  /* string */
	xmlXPathCompExpr *status; /* string */
	xmlXPathCompExpr *found;  /* boolean; of a look-up: it is there */
	xmlXPathCompExpr *absent; /* boolean; of a look-up: it is not there */
};

struct profile {
	char name[DESTINATION_NAME_SIZE];
	enum profile_protocol protocol;
	char *url;
	char *credentials; /* name below credentials/destinations/, or NULL */
	char *information; /* push: "advance" before clearance */
	int concurrency, timeout_s;
	int retry_first_s, retry_max_s, expire_s;
	/* withdraw and replace: where the destination has an operation of its own for a
	 * document that withdraws or replaces another; else it is submitted. Their
	 * answers are read as those of submit. */
	struct profile_operation submit, find, withdraw, replace;
	enum profile_inside inside; /* where it wants a seal in the document itself */
	bool cleared; /* push, pull: it is told when a document is cleared */
	bool look_up; /* push: GET URL/KEY tells whether something is there */
	/* soap: what the answer of find says of the EU's decision, and when it is asked
	 * for again; both NULL: no decision is made there */
	struct {
		xmlXPathCompExpr *favourable, *unfavourable; /* boolean */
		int first_s, max_s, expire_s;
	} decision;
	xmlXPathCompExpr *permanent; /* boolean: a fault that repeating cannot mend */
	xmlXPathCompExpr *already;   /* boolean: the destination has this document */
	struct {
		char *prefix;
		char *uri;
	} namespaces[PROFILE_NAMESPACES_MAX];
	size_t namespace_count;
};

struct profiles {
	struct profile *list;
	size_t count;
};

/* Read every *.cfg of policies/routes/destinations: at most 64, and together no more
 * couriers than LIMIT_COURIERS. *ret_error: one line FILE:LINE: what, the caller frees.
 * Return: 0, -EINVAL, -errno. */
int profiles_load(const char *policies, struct profiles **ret_profiles, char **ret_error);
void profiles_free(struct profiles *p);
DEFINE_CLEANUP(struct profiles *, profiles_free)

/* Couriers that serve a destination: its concurrency, and one for each notice. */
size_t profile_couriers(const struct profile *p);

const struct profile *profile_find(const struct profiles *p, const char *name);

#endif
