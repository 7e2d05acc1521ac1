/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the readers of a list's parts share; private to this library, never decides.
 */
#ifndef SEALGATE_TRUST_LIST_PARTS_H
#define SEALGATE_TRUST_LIST_PARTS_H

#include "trust/list.h"
#include "xml/node.h"

#define NS_TL "http://uri.etsi.org/02231/v2#"
#define NS_TL_TYPES "http://uri.etsi.org/02231/v2/additionaltypes#"

/* Text of a child element of the list's namespace; the caller frees; NULL: absent. */
char *list_text(const xmlNode *parent, const char *name);

/* A time of RFC 3339 in a child element, 0 when absent or not a time. */
int64_t list_time(const xmlNode *parent, const char *name);

/* Add a text, which is taken over. Return: 0, -EINVAL too many, -ENOMEM. */
int texts_add(struct texts *t, char *text, size_t max);
void texts_done(struct texts *t);

/* The X509Certificates of a ServiceDigitalIdentity, added to the stack; what is no
 * certificate is passed over. Return: 0 or -ENOMEM. */
int list_identities(const xmlNode *identity, STACK_OF(X509) * to);

/* list_service.c: the providers and services. Return: as trusted_list_parse. */
int list_providers(
	const xmlNode *providers, struct trusted_list *l, const char **ret_why);
void list_service_done(struct list_service *s);

#endif
