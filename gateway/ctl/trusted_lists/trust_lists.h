/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sealgate trust import`, `status` and `qualify`: trusted lists from files into a store,
 * and what they say; never fetches.
 */
#ifndef SEALGATE_CTL_TRUST_LISTS_H
#define SEALGATE_CTL_TRUST_LISTS_H

#include <stdint.h>

/* The store that is asked: the one named, else that of the instance that is named
 * (SEALGATE_INSTANCE); a fault is said when there is neither. Return: NULL or a path that
 * lasts. */
const char *trust_lists_store(const char *named);

/* --store and --at (seconds since 1970; now when absent), then min to max arguments of a
 * name, which begin at optind. Return: EXIT_CLEAN or EXIT_USAGE, which has been said. */
int trust_lists_options(int argc, char **argv, int min, int max, const char *name,
	const char **ret_store, int64_t *ret_at);

/* argv[0] is "import" or "status". Return: an exit status of the command line. */
int trust_lists_import(int argc, char **argv);
int trust_lists_status(int argc, char **argv);

/* "qualify": whether certificates are qualified by the lists of a store. */
int trust_lists_qualify(int argc, char **argv);

/* "diff": which services differ between the states known at two times; status 1 when some
 * do. */
int trust_lists_diff(int argc, char **argv);

#endif
