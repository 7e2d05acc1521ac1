/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What another appliance's chain says of this one, against the chain; never a link of a
 * chain that is not whole.
 */
#ifndef SEALGATE_CTL_AUDIT_LINKS_H
#define SEALGATE_CTL_AUDIT_LINKS_H

#include "ctl/audit/audit_heads.h"

#define AUDIT_LINKS_MAX 16

struct audit_links {
	const char *path;      /* export of another one's chain */
	const char *appliance; /* whose chain is verified */
	const char *heads;     /* folder of its sealed heads, or NULL */
};

/* Add the links to the appliance: the chain must hold each, as it must hold sealed heads,
 * and the folder the sealed heads that they name. Says on standard error what is wrong
 * with the export or the folder. Return: enum exit_status. */
int audit_links_load(struct audit_heads *h, const struct audit_links *l);

#endif
