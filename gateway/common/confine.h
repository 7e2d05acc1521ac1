/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A process that only has to read, and may be root, gives away everything else, and one
 * that must not speak for its user what that takes; never a sandbox for who runs on
 * hostile octets all day (verify/sandbox.h).
 */
#ifndef SEALGATE_COMMON_CONFINE_H
#define SEALGATE_COMMON_CONFINE_H

/* From now on this process, and what it makes, opens files to read them and writes to
 * what it has open; it makes no socket, runs no program, signals nobody, changes nothing
 * of the file system, and has no capability. What it asks for all the same is refused
 * with EPERM. Return: 0 or -errno; then it must not go on. */
int confine_reader(void);

/* From now on this process, and what it makes or runs, connects to nobody and looks into
 * no other process, also of its own user; what it has open it keeps, and files it may
 * write. Return: as above. */
int confine_mute(void);

#endif
