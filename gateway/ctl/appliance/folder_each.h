/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Each entry of a folder; never follows a path.
 */
#ifndef SEALGATE_CTL_FOLDER_EACH_H
#define SEALGATE_CTL_FOLDER_EACH_H

/*
 * visit(folder, name, arg) for each name in the folder of this descriptor, which stays
 * the caller's, but for "." and "..", until one returns below zero. Return: that, 0, or
 * -errno.
 */
int folder_each(
	int folder, int (*visit)(int folder, const char *name, void *arg), void *arg);

#endif
