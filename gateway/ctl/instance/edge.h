/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The nginx configuration of an instance, made from the one template; never starts nginx.
 */
#ifndef SEALGATE_CTL_EDGE_H
#define SEALGATE_CTL_EDGE_H

#include "common/buf.h"
#include "common/instance.h"

/* Fill the template for the instance. Return: 0, -EINVAL an address or a path of it is
 * not one word to nginx, -ENAMETOOLONG, -E2BIG, -ENOMEM. */
int edge_configuration(const struct instance *instance, struct buf *ret);

/* Write it to run/nginx.conf and make the folders it names (owned by nginx's uid).
 * Return: 0 or -errno. */
int edge_prepare(const struct instance *instance, char ret_path[PATH_MAX]);

#endif
