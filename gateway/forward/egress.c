/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/address.h"

#include <arpa/inet.h>

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
	if (!address_is_public(&address->addr) && !literal(curl))
		return CURL_SOCKET_BAD;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void egress_guard(CURL *curl)
{
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, curl);
}
