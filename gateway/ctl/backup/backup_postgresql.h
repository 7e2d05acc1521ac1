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

/* How many octets the database's rows take at its server, without the indices, which are
 * not copied; its copy is compressed besides. 0 where none is kept there. It says on
 * standard error what fails. Return: 0, -EEXIST, -errno. */
int backup_database_size(const struct instance *i, long long *ret_size);

/* One consistent copy of the whole database as it is now, of every appliance at it, into
 * a new file (pg_dump), while so many octets stay free beside it (0: any). It says on
 * standard error what fails, why, and what to do. Return: 0, -ENOSPC, -EEXIST (the
 * program said no), -errno. */
int backup_dump(const struct instance *i, const char *file, long long leaves);

/* Put a copy into an empty database, whole or not at all (pg_restore). connection:
 * libpq's string, or NULL for that of the instance, whose password is taken then. Return:
 * as backup_dump. */
int backup_undump(const struct instance *i, const char *file, const char *connection);

#endif
