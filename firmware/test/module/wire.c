/* SPDX-License-Identifier: EUPL-1.2 */
#include "wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SETTINGS "TEST_HSM_SETTINGS"
#define WAIT_S 2
#define LINE_SIZE 256

/* By what a search of an image knows it. */
const char wire_mark[] = "sealgate: a PKCS#11 module of the tests";

/* A device that may be used is there. */
static bool opens(const char *node)
{
	int fd = open(node, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* "ADDRESS PORT FILE", FILE holds what we are known by; instead of the address the node of
 * a device. */
static bool read_settings(
	struct sockaddr_in *ret_peer, char ret_secret[LINE_SIZE], char ret_node[LINE_SIZE])
{
	const char *path = getenv(SETTINGS);
	char address[64], name[LINE_SIZE];
	unsigned int port;
	FILE *f = path ? fopen(path, "re") : NULL;
	bool read = f && fscanf(f, "%63s %u %255s", address, &port, name) == 3;

	if (f)
		fclose(f);
	f = read ? fopen(name, "re") : NULL;
	read = f && fgets(ret_secret, LINE_SIZE, f);
	if (f)
		fclose(f);
	*ret_peer = (struct sockaddr_in){ .sin_family = AF_INET };
	(void)snprintf(ret_node, LINE_SIZE, "%s", read && *address == '/' ? address : "");
	if (read && !*ret_node) {
		ret_secret[strcspn(ret_secret, "\n")] = '\0';
		ret_peer->sin_port = htons((in_port_t)port);
		read = inet_pton(AF_INET, address, &ret_peer->sin_addr) == 1;
	}
	return read;
}

bool wire_ask(const char *what)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct sockaddr_in peer;
	char secret[LINE_SIZE], node[LINE_SIZE], line[2 * LINE_SIZE], answer[4] = "";
	bool yes = false;
	int fd, len;

	if (!read_settings(&peer, secret, node))
		return false;
	if (*node)
		return opens(node);
	len = snprintf(line, sizeof(line), "%s %s\n", secret, what);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
		connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0 &&
		send(fd, line, (size_t)len, MSG_NOSIGNAL) == len)
		yes = recv(fd, answer, 3, MSG_WAITALL) == 3 && strcmp(answer, "yes") == 0;
	if (fd >= 0)
		close(fd);
	return yes;
}
