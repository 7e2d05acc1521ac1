/* SPDX-License-Identifier: EUPL-1.2 */
/* network/machine.network: what of systemd.network(5) a configuration may say. networkd
 * passes over what it does not know, and the machine is then not where it was to be. */
#include "ctl/appliance/reach.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/refuse.h"
#include "xml/utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "network/machine.network"
#define FILE_MAX 65536u
#define PREFIXES 32
#define GATEWAYS 1024

enum value {
	ANY, /* a name, or what does harm to nobody */
	MAC,
	BOOLEAN,
	DHCP,
	NUMBER,
	ADDRESSES, /* several, without prefixes */
	PREFIX,	   /* an address with a prefix */
	GATEWAY,
};

static const struct key {
	const char *section, *name;
	enum value value;
} KEYS[] = {
	{ "Match", "Name", ANY },
	{ "Match", "MACAddress", MAC },
	{ "Match", "Type", ANY },
	{ "Link", "MTUBytes", NUMBER },
	{ "Link", "RequiredForOnline", ANY },
	{ "Network", "Description", ANY },
	{ "Network", "DHCP", DHCP },
	{ "Network", "Address", PREFIX },
	{ "Network", "Gateway", GATEWAY },
	{ "Network", "DNS", ADDRESSES },
	{ "Network", "Domains", ANY },
	{ "Network", "NTP", ANY },
	{ "Network", "IPv6AcceptRA", BOOLEAN },
	{ "Network", "LinkLocalAddressing", ANY },
	{ "Address", "Address", PREFIX },
	{ "Route", "Gateway", GATEWAY },
	{ "Route", "Destination", PREFIX },
	{ "Route", "Metric", NUMBER },
	{ "Route", "GatewayOnLink", BOOLEAN },
	{ "DHCPv4", "UseDNS", BOOLEAN },
	{ "DHCPv4", "UseRoutes", BOOLEAN },
	{ "DHCPv4", "UseDomains", BOOLEAN },
	{ "DHCPv4", "UseMTU", BOOLEAN },
	{ "DHCPv4", "ClientIdentifier", ANY },
	{ "DHCPv6", "UseDNS", BOOLEAN },
	{ "IPv6AcceptRA", "UseDNS", BOOLEAN },
};

struct prefix {
	unsigned char octets[16];
	size_t len; /* of the address: 4 or 16 */
	int bits;
};

/* Of a router that has to be on a link of the card. */
struct gateway {
	const char *text; /* of the file */
	int line;
	bool on_link; /* as its section says */
};

/* What a file has said so far. */
struct network {
	const char *section;
	int line;
	bool matches, given, leased;
	struct prefix own[PREFIXES];
	size_t count;
	struct gateway gateways[GATEWAYS];
	size_t gateway_count, before; /* the section */
	bool on_link;		      /* said in the section */
};

static int refuse(const struct network *n, const char *received, const char *why,
	const char *fix, char **ret_error)
{
	char where[64];

	(void)snprintf(where, sizeof(where), FILE_NAME ":%d", n->line);
	return appliance_refuse(ret_error, where, received, why, fix);
}

static bool read_address(const char *text, struct prefix *ret)
{
	*ret = (struct prefix){ .len = 4 };
	if (inet_pton(AF_INET, text, ret->octets) == 1)
		return true;
	ret->len = 16;
	return inet_pton(AF_INET6, text, ret->octets) == 1;
}

static bool is_number(const char *text, int most, int *ret)
{
	char *end;
	long number = strtol(text, &end, 10);

	*ret = (int)number;
	return isdigit((unsigned char)*text) && !*end && number <= most;
}

static bool read_prefix(const char *text, struct prefix *ret)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');

	if (!slash || slash - text >= INET6_ADDRSTRLEN)
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	return read_address(address, ret) &&
	       is_number(slash + 1, (int)(8 * ret->len), &ret->bits);
}

static bool is_in(const struct prefix *a, const struct prefix *of)
{
	int whole = of->bits / 8, rest = of->bits % 8;

	if (a->len != of->len || memcmp(a->octets, of->octets, (size_t)whole) != 0)
		return false;
	return !rest || (a->octets[whole] ^ of->octets[whole]) >> (8 - rest) == 0;
}

static bool is_boolean(const char *text)
{
	static const char *const words[] = { "yes", "no", "true", "false", "on", "off",
		"1", "0" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_no(const char *text)
{
	return *text == 'n' || *text == 'f' || *text == '0' || strcmp(text, "off") == 0;
}

static bool is_mac(const char *text)
{
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' && text[i] != '-'
			       : !isxdigit((unsigned char)text[i]))
			return false;
	return !text[17];
}

static bool are_addresses(const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);
	struct prefix p;
	char *save = NULL;

	for (char *word = copy ? strtok_r(copy, " ", &save) : NULL; word;
		word = strtok_r(NULL, " ", &save))
		if (!read_address(word, &p))
			return false;
	return copy && *text;
}

static int take_prefix(struct network *n, const char *value, char **ret_error)
{
	struct prefix p;

	if (!read_prefix(value, &p))
		return refuse(n, value, "is no address with a prefix",
			"write ADDRESS/BITS, as 192.0.2.10/24", ret_error);
	if (strcmp(n->section, "Route") == 0)
		return 0;
	if (n->count == PREFIXES)
		return refuse(
			n, value, "is one address too many", "32 are taken", ret_error);
	n->own[n->count++] = p;
	n->given = true;
	return 0;
}

static int take_gateway(struct network *n, const char *value, char **ret_error)
{
	struct prefix p;

	if (strcmp(value, "_dhcp4") == 0 || strcmp(value, "_ipv6ra") == 0)
		return 0;
	if (!read_address(value, &p))
		return refuse(n, value, "is no address",
			"write that of the router, without a prefix", ret_error);
	/* a link-local one is on every link */
	if (p.len == 16 && p.octets[0] == 0xfe && (p.octets[1] & 0xc0) == 0x80)
		return 0;
	if (n->gateway_count == GATEWAYS)
		return refuse(
			n, value, "is one router too many", "1024 are taken", ret_error);
	n->gateways[n->gateway_count++] = (struct gateway){ value, n->line, false };
	return 0;
}

/* GatewayOnLink= is of the routers of its section, in whatever order they stand. */
static void end_section(struct network *n)
{
	for (size_t i = n->before; i < n->gateway_count; i++)
		n->gateways[i].on_link = n->on_link;
	n->before = n->gateway_count;
	n->on_link = false;
}

static int take_dhcp(struct network *n, const char *value, char **ret_error)
{
	if (!is_boolean(value) && strcmp(value, "ipv4") != 0 &&
		strcmp(value, "ipv6") != 0)
		return refuse(n, value, "is nothing that DHCP may be",
			"write yes, no, ipv4 or ipv6", ret_error);
	n->leased |= !is_no(value);
	n->given |= !is_no(value);
	return 0;
}

static int take_boolean(
	struct network *n, const char *name, const char *value, char **ret_error)
{
	if (!is_boolean(value))
		return refuse(n, value, "is neither yes nor no", "write one", ret_error);
	if (strcmp(name, "GatewayOnLink") == 0)
		n->on_link = !is_no(value);
	if (strcmp(name, "IPv6AcceptRA") == 0)
		n->given |= !is_no(value);
	return 0;
}

static int take_value(
	struct network *n, const struct key *key, const char *value, char **ret_error)
{
	int number;

	switch (key->value) {
	case MAC:
		return is_mac(value)
			       ? 0
			       : refuse(n, value, "is no address of a card",
					 "write it as 52:54:00:12:34:56", ret_error);
	case BOOLEAN:
		return take_boolean(n, key->name, value, ret_error);
	case DHCP:
		return take_dhcp(n, value, ret_error);
	case NUMBER:
		return is_number(value, 1000000, &number)
			       ? 0
			       : refuse(n, value, "is no number", "write one", ret_error);
	case ADDRESSES:
		return are_addresses(value)
			       ? 0
			       : refuse(n, value, "is no address",
					 "write addresses, not names", ret_error);
	case PREFIX:
		return take_prefix(n, value, ret_error);
	case GATEWAY:
		return take_gateway(n, value, ret_error);
	case ANY:
		break;
	}
	return *value ? 0
		      : refuse(n, key->name, "is empty", "give it a value", ret_error);
}

static int take_section(struct network *n, const char *line, char **ret_error)
{
	size_t len = strlen(line);

	end_section(n);
	n->section = NULL;
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		if (strlen(KEYS[i].section) == len - 2 && line[len - 1] == ']' &&
			strncmp(line + 1, KEYS[i].section, len - 2) == 0)
			n->section = KEYS[i].section;
	if (!n->section)
		return refuse(n, line, "is no section that is taken here",
			"[Match], [Link], [Network], [Address], [Route], [DHCPv4], "
			"[DHCPv6], [IPv6AcceptRA] are",
			ret_error);
	return 0;
}

static int take_key(struct network *n, char *line, char **ret_error)
{
	char *value = strchr(line, '=');

	if (!value || !n->section)
		return refuse(n, line, "is no line KEY=VALUE of a section",
			"see systemd.network(5)", ret_error);
	*value++ = '\0';
	for (char *end = value - 1; end > line && end[-1] == ' ';)
		*--end = '\0';
	value += strspn(value, " ");
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		if (strcmp(KEYS[i].section, n->section) != 0 ||
			strcmp(KEYS[i].name, line) != 0)
			continue;
		n->matches |= strcmp(n->section, "Match") == 0;
		return take_value(n, &KEYS[i], value, ret_error);
	}
	return refuse(n, line, "is no key of its section that is taken here",
		"docs/firmware/installation.md lists them", ret_error);
}

static int take_line(struct network *n, char *line, char **ret_error)
{
	size_t len = strlen(line);
	const uint8_t *bidi;

	n->line++;
	/* what networkd takes for no space is of the value */
	while (len && line[len - 1] && strchr(" \t\r", line[len - 1]))
		line[--len] = '\0';
	line += strspn(line, " \t");
	/* networkd ends a line there as well, a comment too */
	if (strchr(line, '\r'))
		return refuse(n, line, "has an end of a line in it",
			"end lines in one way", ret_error);
	if (!*line || *line == '#' || *line == ';')
		return 0;
	if (utf8_check(span_str(line), &bidi) != strlen(line))
		return refuse(n, "a line that is not UTF-8", "it would be passed over",
			"write it in UTF-8", ret_error);
	/* what is a key of its own here would be none to networkd */
	if (line[strlen(line) - 1] == '\\')
		return refuse(n, line, "ends in \\, which joins the next line to it",
			"write it as one line", ret_error);
	return *line == '[' ? take_section(n, line, ret_error)
			    : take_key(n, line, ret_error);
}

static bool is_reached(const struct network *n, const struct gateway *g)
{
	struct prefix router;
	bool reached = g->on_link || n->leased;

	(void)read_address(g->text, &router);
	for (size_t i = 0; !reached && i < n->count; i++)
		reached = is_in(&router, &n->own[i]);
	return reached;
}

/* What only the whole of it tells. */
static int judge_whole(struct network *n, char **ret_error)
{
	end_section(n);
	if (!n->matches)
		return appliance_refuse(ret_error, FILE_NAME, "no [Match]",
			"it would be of no card", "say of which: Name= or MACAddress=");
	if (!n->given)
		return appliance_refuse(ret_error, FILE_NAME, "no address",
			"the card would have none", "write DHCP=yes, or Address=");
	for (size_t i = 0; i < n->gateway_count; i++) {
		const struct gateway *g = &n->gateways[i];

		n->line = g->line;
		if (!is_reached(n, g))
			return refuse(n, g->text, "no Address has it on its link",
				"mend the gateway, or the address and its prefix",
				ret_error);
	}
	return 0;
}

int reach_network(const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	struct network n = { 0 };
	char *rest, *line;
	size_t len = 0;
	int r = file_read(path, FILE_MAX, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || memchr(text, 0, len))
		return appliance_refuse(ret_error, FILE_NAME, "a file",
			r < 0 ? strerror(-r) : "it is no text", "write a text");
	rest = (char *)text;
	r = 0;
	while (r == 0 && (line = strsep(&rest, "\n")) != NULL)
		r = take_line(&n, line, ret_error);
	return r == 0 ? judge_whole(&n, ret_error) : r;
}
