/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What another appliance's chain says of this one, against the chain; never a link of a
 * chain that is not whole.
 */
#ifndef SEALGATE_CTL_AUDIT_LINKS_H
#define SEALGATE_CTL_AUDIT_LINKS_H

#include "ctl/audit_heads.h"

#define AUDIT_LINKS_MAX 16

/* Add the links to an appliance that the export of another one's chain has: the chain
 * must hold each, as it must hold sealed heads. Says on standard error what is wrong with
 * the export. Return: enum exit_status. */
int audit_links_load(struct audit_heads *h, const char *path, const char *appliance);

#endif
