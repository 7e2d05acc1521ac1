/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static bool inside_4(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xAC1 ||
	       a >> 16 == 0xC0A8 || a >> 16 == 0xA9FE ||
	       a >> 22 == 0x191 || /* 100.64/10 */
	       a >> 28 >= 14;
}

static bool inside_6(const struct in6_addr *a)
{
	uint32_t last;

	memcpy(&last, &a->s6_addr[12], sizeof(last));
	if (IN6_IS_ADDR_V4MAPPED(a))
		return inside_4(ntohl(last));
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) ||
	       IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_MULTICAST(a) ||
	       (a->s6_addr[0] & 0xFE) == 0xFC;
}

static bool inside(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return inside_4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family != AF_INET6)
		return true;
	memcpy(&v6, address, sizeof(v6));
	return inside_6(&v6.sin6_addr);
}

/* Is the host of the address an address itself? */
static bool literal(CURL *curl)
{
	struct in6_addr a;
	const char *url = NULL;
	char *host = NULL;
	CURLU *u = curl_url();
	bool is = false;

	curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &url);
	if (u && url && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		is = host[0] == '[' || inet_pton(AF_INET, host, &a) == 1;
	curl_free(host);
	curl_url_cleanup(u);
	return is;
}

static curl_socket_t open_socket(
	void *curl, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	if (inside(&address->addr) && !literal(curl))
		return CURL_SOCKET_BAD;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void egress_guard(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, curl);
}
