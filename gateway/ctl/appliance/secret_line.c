/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/secret_line.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/memfd.h"
#include "ctl/appliance/secret_files.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEAD_SIZE (INSTANCE_CREDENTIAL_SIZE + 24)

static void forget(uint8_t **octets, size_t len)
{
	if (*octets)
		OPENSSL_cleanse(*octets, len);
	freep(octets);
	*octets = NULL;
}

int secret_send(int fd, const char *name, struct span octets)
{
	char head[HEAD_SIZE];
	int n = snprintf(head, sizeof(head), "%s %zu\n", name, octets.len), r;

	if (n < 0 || n >= (int)sizeof(head))
		return -ENAMETOOLONG;
	r = fd_write_all(fd, span_str(head));
	return r < 0 ? r : fd_write_all(fd, octets);
}

/* Octet by octet: what follows the line is not the head's. Return: 1, 0 nothing came,
 * -EPROTO, -errno. */
static int read_head(int fd, char head[HEAD_SIZE])
{
	for (size_t len = 0; len < HEAD_SIZE; len++) {
		size_t n;
		int r = fd_read_up_to(fd, (uint8_t *)head + len, 1, &n);

		if (r < 0)
			return r;
		if (n == 0)
			return len ? -EPROTO : 0;
		if (head[len] == '\0')
			return -EPROTO;
		if (head[len] == '\n') {
			head[len] = '\0';
			return 1;
		}
	}
	return -EPROTO;
}

/* "NAME SIZE": one space, and digits that are no more than so many octets. */
static int parse_head(
	char *head, size_t most, char ret_name[INSTANCE_CREDENTIAL_SIZE], size_t *ret_len)
{
	char *size = strchr(head, ' ');

	if (!size || size == head || size - head >= INSTANCE_CREDENTIAL_SIZE)
		return -EPROTO;
	*size++ = '\0';
	if (!*size || strlen(size) > 9 || strspn(size, "0123456789") != strlen(size))
		return -EPROTO;
	*ret_len = strtoul(size, NULL, 10);
	memcpy(ret_name, head, strlen(head) + 1);
	return *ret_len > most ? -EFBIG : 0;
}

int secret_receive(int fd, char ret_name[INSTANCE_CREDENTIAL_SIZE], size_t most,
	uint8_t **ret_octets, size_t *ret_len)
{
	uint8_t *octets = NULL;
	char head[HEAD_SIZE];
	size_t n;
	int r = read_head(fd, head);

	if (r <= 0)
		return r;
	r = parse_head(head, most, ret_name, ret_len);
	if (r < 0)
		return r;
	octets = malloc(*ret_len + 1);
	if (!octets)
		return -ENOMEM;
	r = fd_read_up_to(fd, octets, *ret_len, &n);
	if (r < 0 || n != *ret_len) {
		forget(&octets, *ret_len);
		return r < 0 ? r : -EPROTO;
	}
	*ret_octets = octets;
	return 1;
}

/* Return: 0, -ECHILD it failed, -errno. */
static int run_tool(const char *tool, const char *name, int from, int to)
{
	char option[INSTANCE_CREDENTIAL_SIZE + 8];
	const char *const argv[] = { tool, "--with-key=host", option, "encrypt", "-", "-",
		NULL };
	posix_spawn_file_actions_t actions;
	int status, e = posix_spawn_file_actions_init(&actions);
	pid_t pid;

	if (e != 0)
		return -e;
	(void)snprintf(option, sizeof(option), "--name=%s", name);
	e = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn(&pid, tool, &actions, NULL,
			(char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (e != 0)
		return -e;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

/* What the tool printed, from the beginning. */
static int read_back(int fd, uint8_t **ret_octets, size_t *ret_len)
{
	struct stat st;
	size_t n;
	int r;

	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > SECRET_SEALED_MAX)
		return -ECHILD;
	*ret_len = (size_t)st.st_size;
	*ret_octets = malloc(*ret_len);
	if (!*ret_octets)
		return -ENOMEM;
	r = fd_read_up_to(fd, *ret_octets, *ret_len, &n);
	return r < 0 || n == *ret_len ? r : -EIO;
}

static int answer(int out, const char *tool, const char *name, struct span clear)
{
	_cleanup_(closep) int from = -1, to = -1;
	_cleanup_(freep) uint8_t *sealed = NULL;
	size_t len = 0;
	int r;

	if (strncmp(name, INSTANCE_CREDENTIAL, strlen(INSTANCE_CREDENTIAL)) != 0 ||
		strchr(name, '/'))
		return -EINVAL;
	from = memfd_from("secret", clear);
	if (from < 0)
		return from;
	if (lseek(from, 0, SEEK_SET) < 0)
		return -errno;
	to = memfd_create("sealed", MFD_CLOEXEC);
	if (to < 0)
		return -errno;
	r = run_tool(tool, name, from, to);
	if (r == 0)
		r = read_back(to, &sealed, &len);
	return r < 0 ? r : secret_send(out, name, span_of(sealed, len));
}

int secret_serve(int in, int out, const char *tool)
{
	for (size_t count = 0;; count++) {
		char name[INSTANCE_CREDENTIAL_SIZE];
		uint8_t *clear = NULL;
		size_t len = 0;
		int r = secret_receive(in, name, SECRET_FILE_MAX, &clear, &len);

		if (r <= 0)
			return r;
		r = count < SECRET_LINE_MAX ? answer(out, tool, name, span_of(clear, len))
					    : -E2BIG;
		forget(&clear, len);
		if (r < 0)
			return r;
	}
}
