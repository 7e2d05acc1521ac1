/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The database of a queue that PostgreSQL keeps, in a backup and out of it, by the
 * server's own programs; never a format of ours.
 */
#ifndef SEALGATE_CTL_BACKUP_POSTGRESQL_H
#define SEALGATE_CTL_BACKUP_POSTGRESQL_H

#include "common/instance.h"

#define BACKUP_DUMP "state/queue/queue.pgdump"

/* Is the instance's queue kept by PostgreSQL? */
bool backup_is_postgresql(const struct instance *i);

/* One consistent copy of the whole database as it is now, of every appliance at it, into
 * a new file (pg_dump), while so many octets stay free beside it (0: any). It says on
 * standard error what fails. Return: 0, -ENOSPC, -errno. */
int backup_dump(const struct instance *i, const char *file, long long leaves);

/* Put a copy into an empty database, whole or not at all (pg_restore). connection:
 * libpq's string; password: a file or "". Return: 0, -EEXIST (it is not empty, or does
 * not take it; the program said why), -errno. */
int backup_undump(const char *file, const char *connection, const char *password);

#endif
