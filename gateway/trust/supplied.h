/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether what sealgate-trustd supplies is in date, from the status that it keeps; never
 * looks at the data itself.
 */
#ifndef SEALGATE_TRUST_SUPPLIED_H
#define SEALGATE_TRUST_SUPPLIED_H

#include <stdint.h>

#define SUPPLIED_NAME_SIZE 64

/* Read FOLDER/supply.json. A source whose data has ended, or that never came, is overdue.
 * Return: 1 all in date, also when nothing is fetched; 0 one is overdue, its name in
 * ret_name; negative: the status cannot be read. */
int trust_supplied(const char *folder, int64_t now, char ret_name[SUPPLIED_NAME_SIZE]);

#endif
