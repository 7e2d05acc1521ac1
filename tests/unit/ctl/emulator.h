/* SPDX-License-Identifier: EUPL-1.2 */
/* A TPM of its own for a test: swtpm over a local socket; never one of the machine. */
#ifndef TESTS_UNIT_CTL_EMULATOR_H
#define TESTS_UNIT_CTL_EMULATOR_H

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct emulator {
	char folder[64]; /* state and socket */
	pid_t pid;
	int fd;
};

static inline int emulator_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timespec pause = { .tv_nsec = 10000000 };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	for (int i = 0; i < 3000; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		close(fd);
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* Power it on, with what it remembers. Return: 0, or -1 where there is no swtpm. */
static inline int emulator_start(struct emulator *e)
{
	char state[80], server[112], path[80];
	char *argv[] = { (char *)"swtpm", (char *)"socket", (char *)"--tpm2",
		(char *)"--tpmstate", state, (char *)"--server", server,
		(char *)"--flags", (char *)"not-need-init,startup-clear", NULL };
	char *none[] = { NULL };

	snprintf(path, sizeof(path), "%s/socket", e->folder);
	snprintf(state, sizeof(state), "dir=%s", e->folder);
	snprintf(server, sizeof(server), "type=unixio,path=%s", path);
	unlink(path);
	if (posix_spawnp(&e->pid, argv[0], NULL, NULL, argv, none) != 0)
		return -1;
	e->fd = emulator_connect(path);
	return e->fd < 0 ? -1 : 0;
}

static inline void emulator_stop(struct emulator *e)
{
	close(e->fd);
	kill(e->pid, SIGKILL);
	waitpid(e->pid, NULL, 0);
}

/* Send octets as they are. Return: the response code. The TPM asks for a second time the
 * first time that it counts tries (TPM_RC_RETRY). */
static inline unsigned int emulator_send(
	struct emulator *e, const void *octets, size_t len)
{
	unsigned char answer[4096] = { 0 };
	unsigned int code = 0x922;

	for (int i = 0; i < 8 && code == 0x922; i++) {
		if (write(e->fd, octets, len) != (ssize_t)len ||
			read(e->fd, answer, sizeof(answer)) < 10)
			return ~0u;
		code = (unsigned int)answer[6] << 24 | (unsigned int)answer[7] << 16 |
		       (unsigned int)answer[8] << 8 | answer[9];
	}
	return code;
}

#endif
