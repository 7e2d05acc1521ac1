/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>

/* IANA's registry of special-purpose addresses; all of them are refused. */
static const struct {
	uint32_t network;
	int bits;
} SPECIAL[] = {
	{ 0x00000000, 8 },  /* this network */
	{ 0x0a000000, 8 },  /* private */
	{ 0x64400000, 10 }, /* carriers' */
	{ 0x7f000000, 8 },  /* loopback */
	{ 0xa9fe0000, 16 }, /* link-local */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* protocol assignments */
	{ 0xc0000200, 24 }, /* documentation */
	{ 0xc0586300, 24 }, /* relays of 6to4 */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc6120000, 15 }, /* benchmarks */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool is_public_4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(SPECIAL) / sizeof(SPECIAL[0]); i++)
		if ((address ^ SPECIAL[i].network) >> (32 - SPECIAL[i].bits) == 0)
			return false;
	return true;
}

/* Only global unicast, without documentation, 6to4 and Teredo: those carry an address of
 * the older kind. */
static bool is_public_6(const uint8_t a[16])
{
	uint32_t head =
		(uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];

	return head >> 29 == 1 && head != 0x20010db8 && head >> 16 != 0x2002 &&
	       head != 0x20010000;
}

bool address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return is_public_4(
			ntohl(((const struct sockaddr_in *)(const void *)address)
					->sin_addr.s_addr));
	return address->sa_family == AF_INET6 &&
	       is_public_6(((const struct sockaddr_in6 *)(const void *)address)
				   ->sin6_addr.s6_addr);
}
