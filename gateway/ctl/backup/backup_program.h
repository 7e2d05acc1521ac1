/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A program of the database server's package: run, watched, and what it says taken; never
 * a shell.
 */
#ifndef SEALGATE_CTL_BACKUP_PROGRAM_H
#define SEALGATE_CTL_BACKUP_PROGRAM_H

#define BACKUP_SAID_MAX 4096

struct backup_program {
	const char *const *argv; /* argv[0]: its path */
	int takes;	  /* STDOUT_FILENO, or STDERR_FILENO: that is passed on, too */
	int folder;	  /* where it writes, */
	long long leaves; /* in which so many octets have to stay free; 0: any */
};

/* Run it to its end. ret_said: how what was taken begins. It says on standard error when
 * it cannot be run. Return: its exit status, 255 when a signal ended it, -ENOSPC,
 * -errno. */
int backup_program(const struct backup_program *p, char ret_said[BACKUP_SAID_MAX]);

#endif
