/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TCP_LISTENS 0x0a
#define UDP_BOUND 0x07
#define WORDS_MAX 4

#define HEX "0123456789ABCDEF"

/* 8 digits, or 32 for IPv6: words in the byte order of the machine. */
static json_t *address_of(const char *digits, size_t len, unsigned long port)
{
	size_t words = len / 8;
	char address[INET6_ADDRSTRLEN], word[9] = "";
	uint32_t octets[WORDS_MAX];

	if (len % 8 || (words != 1 && words != WORDS_MAX))
		return NULL;
	for (size_t i = 0; i < words; i++) {
		memcpy(word, digits + 8 * i, 8);
		octets[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	if (!inet_ntop(words == 1 ? AF_INET : AF_INET6, octets, address, sizeof(address)))
		return NULL;
	return json_sprintf(words == 1 ? "%s:%lu" : "[%s]:%lu", address, port);
}

/* One line: " 0: LOCAL:PORT REMOTE:PORT STATE ...". Return: NULL unless in the state. */
static json_t *port_of(const char *line, unsigned long wanted)
{
	const char *local = line + strspn(line, " 0123456789"), *p;
	size_t len;
	char *end;
	unsigned long port;

	if (strncmp(local, ": ", 2) != 0)
		return NULL;
	local += 2;
	len = strspn(local, HEX);
	if (local[len] != ':')
		return NULL;
	port = strtoul(local + len + 1, &end, 16);
	p = end + strspn(end, " ");
	p += strspn(p, HEX ":");
	return strtoul(p, &end, 16) == wanted && end != p ? address_of(local, len, port)
							  : NULL;
}

json_t *appliance_ports(const char *table, bool udp)
{
	json_t *list = json_array();
	const char *line = table ? strchr(table, '\n') : NULL;

	while (line && *++line) {
		json_t *port = port_of(line, udp ? UDP_BOUND : TCP_LISTENS);

		if (port)
			json_array_append_new(list, port);
		line = strchr(line, '\n');
	}
	return list;
}
