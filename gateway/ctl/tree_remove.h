/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A folder of our own making goes away; never follows a link out of it.
 */
#ifndef SEALGATE_CTL_TREE_REMOVE_H
#define SEALGATE_CTL_TREE_REMOVE_H

/* Remove a folder with all below it; absent is nothing to do. */
void tree_remove(const char *path);

#endif
