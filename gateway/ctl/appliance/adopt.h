/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a configuration brings for the state of a program is taken by that program's own
 * user, so that who puts a configuration in place gives nothing away; never replaces what
 * the program has already.
 */
#ifndef SEALGATE_CTL_APPLIANCE_ADOPT_H
#define SEALGATE_CTL_APPLIANCE_ADOPT_H

/* Of the instance: a folder for each program, in it paths as below the instance. */
#define ADOPT_GIVEN "given"

/* Copy what is in the folder given and not yet below the folder instance, each file as
 * readable as it is there, whole or not at all, and through no link on either side.
 * Return: 0, also when nothing is given; -ELOOP or -ENOTDIR where a link is, -errno. */
int adopt(const char *given, const char *instance);

#endif
