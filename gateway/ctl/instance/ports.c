/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* Resolve HOST:PORT or [HOST]:PORT, numbers only. */
static struct addrinfo *resolve(const char *address)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[128];
	const char *colon = strrchr(address, ':');
	size_t len;

	if (!colon || (size_t)(colon - address) >= sizeof(host))
		return NULL;
	len = (size_t)(colon - address);
	memcpy(host, address, len);
	host[len] = '\0';
	if (host[0] == '[' && len > 1) {
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	}
	return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static bool answers(const char *address)
{
	struct addrinfo *a = resolve(address);
	bool up = false;

	if (a) {
		int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		up = fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0;
		closep(&fd);
		freeaddrinfo(a);
	}
	return up;
}

bool ports_answer(const struct instance *instance)
{
	static const char *const keys[] = { "listen.partners", "listen.customs",
		"listen.operators" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!answers(config_string(instance->config, keys[i])))
			return false;
	return true;
}

int ports_free(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	return ntohs(sa.sin_port);
}
