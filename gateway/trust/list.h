/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One trusted list as it is written (ETSI TS 119 612, versions 5 and 6): scheme, pointers
 * to other lists, providers and their services; never says whether it may be believed.
 */
#ifndef SEALGATE_TRUST_LIST_H
#define SEALGATE_TRUST_LIST_H

#include "common/cleanup.h"
#include "pki/certificate.h"

#include <jansson.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#define LIST_POINTERS_MAX 256u
#define LIST_SERVICES_MAX 8192u
#define LIST_URIS_MAX 256u

/* clause 5.3.3 */
enum list_kind { LIST_OTHER = 0, LIST_NATIONAL, LIST_OF_LISTS };

/* A row of texts; owned. */
struct texts {
	char **list;
	size_t count;
};

/* OtherTSLPointer, 5.3.13: where another list is and who signs it. */
struct list_pointer {
	char *location;
	char territory[8];
	enum list_kind kind;
	bool is_xml; /* the form for machines */
	bool mutual; /* of a third country, by an agreement of mutual recognition */
	STACK_OF(X509) * signers;
};

/* A service as listed now or, further down, as it was before (5.5, 5.6). */
struct list_instance {
	char *type, *status;
	int64_t from;		/* the status began */
	struct texts services;	/* AdditionalServiceInformation, 5.5.9.4: URIs */
	json_t *qualifications; /* 5.5.9.2, as trust/criteria.h has them; NULL: none */
};

struct list_service {
	size_t provider; /* its number among the providers */
	char *name;
	STACK_OF(X509) * identities;	 /* 5.5.3 */
	struct list_instance *instances; /* newest first */
	size_t instance_count;
};

struct trusted_list {
	char territory[8];
	enum list_kind kind;
	int version;
	int64_t sequence;
	int64_t issued, next_update; /* seconds; 0: not said */
	struct texts information;    /* SchemeInformationURI, 5.3.7 */
	struct list_pointer *pointers;
	size_t pointer_count;
	size_t providers;
	struct list_service *services;
	size_t service_count;
	size_t certificates; /* that identify services */
	/* Its scheme is known from before, its pointers and services are not read: how
	 * many services there are. */
	bool is_outline;
	size_t outline_services;
};

/* Read the tree of a list; it may be freed afterwards. ret_why: one line, static. Return:
 * 0 with *ret_list (trusted_list_free), -EINVAL not a list or past a limit, -ENOMEM. */
int trusted_list_parse(
	const xmlDoc *doc, struct trusted_list **ret_list, const char **ret_why);

/* The same from octets whose signature is another question. */
int trusted_list_read(
	struct span octets, struct trusted_list **ret_list, const char **ret_why);
void trusted_list_free(struct trusted_list *l);
DEFINE_CLEANUP(struct trusted_list *, trusted_list_free)

/* The pointer to the list of lists itself, or NULL. */
const struct list_pointer *trusted_list_own_pointer(const struct trusted_list *l);

#endif
