/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/buf.h"
#include "common/durable.h"
#include "ctl/appliance/hsm.h"
#include "ctl/appliance/order.h"
#include "ctl/appliance/refuse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "network/egress.csv"
#define EGRESS APPLIANCE_INSTANCE "/" NAME
#define EGRESS_MAX 65536u
#define RULES APPLIANCE_NOTED "/egress.nft" /* nftables.conf includes it */
#define RULES_MAX (8 * EGRESS_MAX)	    /* a line of it is at least an eighth */
#define SOURCES APPLIANCE_INSTANCE "/time"
#define SIGNER "signer" /* an HSM in the network; it has no network otherwise */
#define GROUPS 8	/* of an address of IPv6 */
#define ADDRESS_SIZE INET6_ADDRSTRLEN
#define RECEIVED_SIZE 128 /* of a line that is refused */
#define FIX_MAX 512u

/* The programs that may speak out, and what the line of each adds up to. */
static const struct {
	const char *name, *unit;
} PROGRAMS[] = { { "seal", "sealgate-seal.service" },
	{ "forward", "sealgate-forward.service" },
	{ "trustd", "sealgate-trustd.service" }, { "logs", "sealgate-logs.service" },
	{ "ship", APPLIANCE_SHIP_SLICE }, { "time", "appliance-time.service" },
	{ SIGNER, "sealgate-signer.service" } };

#define COUNT (sizeof(PROGRAMS) / sizeof(PROGRAMS[0]))
/* Sources of time may be named, and in a pool nobody knows their addresses: where none is
 * listed they are let out to any, at their ports. */
#define TIME_RULE "add rule inet appliance to_outside meta skuid \"_chrony\" "
#define TIME_RULES TIME_RULE "udp dport 123 accept\n" TIME_RULE "tcp dport 4460 accept\n"

struct egress {
	struct buf rules;	 /* for nft */
	struct buf units[COUNT]; /* addresses for each program's unit */
};

static size_t program_of(const char *name)
{
	size_t i = 0;

	while (i < COUNT && strcmp(PROGRAMS[i].name, name) != 0)
		i++;
	return i;
}

/* An address in the one form that nft always takes, whatever it was written like: four
 * numbers, or eight groups. Return: its set's ending, NULL: it is none. */
static const char *canonical(const char *text, char ret_address[ADDRESS_SIZE])
{
	unsigned char o[16];
	size_t len = 0;

	if (inet_pton(AF_INET, text, o) == 1)
		return inet_ntop(AF_INET, o, ret_address, ADDRESS_SIZE) ? "" : NULL;
	if (inet_pton(AF_INET6, text, o) != 1)
		return NULL;
	for (size_t i = 0; i < GROUPS; i++)
		len += (size_t)snprintf(ret_address + len, ADDRESS_SIZE - len, "%s%x",
			i ? ":" : "", (unsigned)o[2 * i] << 8 | o[2 * i + 1]);
	return "6";
}

static int add_rule(
	struct buf *rules, const char *who, const char *address, unsigned long port)
{
	char form[ADDRESS_SIZE];
	const char *six = canonical(address, form);

	return six ? buf_addf(rules, "add element inet appliance %s_to%s { %s . %lu }\n",
			     who, six, form, port)
		   : -EINVAL;
}

/* One field of a line, without its end. Return: is there room for it? */
static bool take_field(const char *from, size_t len, size_t size, char *ret)
{
	if (len >= size)
		return false;
	memcpy(ret, from, len);
	ret[len] = '\0';
	return true;
}

static unsigned long port_of(const char *text)
{
	size_t len = strlen(text);

	return len > 5 || strspn(text, "0123456789") != len ? 0 : strtoul(text, NULL, 10);
}

/* "seal,192.0.2.1,443": the program, an address, a port; nothing else gets through, since
 * what is made of it is a program of the firewall, and has to be one that it takes.
 * Return: NULL, or what is wrong with it. */
static const char *add_line(const char *line, struct egress *e)
{
	char who[8], text[ADDRESS_SIZE], address[ADDRESS_SIZE];
	const char *first = strchr(line, ','), *last = strrchr(line, ',');
	unsigned long port;
	size_t program = COUNT;

	if (!first || first == last)
		return "a line has three fields";
	if (take_field(line, (size_t)(first - line), sizeof(who), who))
		program = program_of(who);
	if (program == COUNT)
		return "no such program speaks out";
	if (!take_field(first + 1, (size_t)(last - first - 1), sizeof(text), text) ||
		!canonical(text, address))
		return "the address is none of IPv4 or IPv6";
	port = port_of(last + 1);
	if (port < 1 || port > 65535)
		return "the port is none";
	buf_addf(&e->units[program], "%s ", address);
	(void)add_rule(&e->rules, who, address, port);
	return NULL;
}

static int refuse(
	unsigned long number, const char *line, const char *why, char **ret_error)
{
	_cleanup_buf_ struct buf fix;
	char where[sizeof(NAME) + 24], received[RECEIVED_SIZE];

	buf_init(&fix, FIX_MAX);
	buf_add_str(&fix, "write PROGRAM,ADDRESS,PORT, of ");
	for (size_t i = 0; i < COUNT; i++)
		buf_addf(&fix, "%s%s", i ? ", " : "", PROGRAMS[i].name);
	buf_add_str(&fix, "; no name, no network, a port from 1 to 65535");
	(void)snprintf(where, sizeof(where), NAME ":%lu", number);
	appliance_cut(line, sizeof(received), received);
	return appliance_refuse(
		ret_error, where, received, why, fix.error ? "" : fix.data);
}

/* Empty lines are counted, too. */
static int add_lines(char *text, struct egress *e, char **ret_error)
{
	unsigned long number = 0;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		const char *why = NULL;

		number++;
		if (*line && *line != '#')
			why = add_line(line, e);
		if (why)
			return refuse(number, line, why, ret_error);
	}
	return e->rules.error ? appliance_fail(ret_error, e->rules.error, NAME,
					strerror(-e->rules.error))
			      : 0;
}

static bool is_listed(const struct egress *e, size_t program)
{
	return e->units[program].len > 0;
}

/* The manager's own filter beside the firewall: a second lock on the same door. Told
 * unit by unit, since having the manager read all of its units again takes many seconds.
 */
static int tell_manager(struct egress *e)
{
	struct order orders[COUNT];
	size_t count = 0;

	for (size_t i = 0; i < COUNT; i++) {
		if (e->units[i].error)
			return e->units[i].error;
		if (is_listed(e, i))
			orders[count++] = (struct order){ ORDER_ALLOW, PROGRAMS[i].unit,
				e->units[i].data };
	}
	return order_give_all(orders, count, NULL);
}

/* By settings that are no properties: the manager reads its units again, once. */
static int let_signer_out(bool network, char **ret_error)
{
	char devices[HSM_WAYS_SIZE], ways[2 * HSM_WAYS_SIZE];
	const struct order let_out = { ORDER_LET_OUT, "sealgate-signer.service", ways };
	int r = hsm_devices(APPLIANCE_INSTANCE "/" HSM_DEVICES, devices, ret_error);

	if (r < 0)
		return r;
	(void)snprintf(
		ways, sizeof(ways), "%s%s", network ? " " HSM_NETWORK : "", devices);
	r = ways[0] ? order_give(&let_out, NULL) : 0;
	return r < 0 ? appliance_fail(ret_error, r, HSM_DEVICES, strerror(-r)) : 0;
}

static int enforce(struct egress *e, char **ret_error)
{
	static const struct order load = { ORDER_RELOAD, "nftables.service", NULL };
	_cleanup_(freep) uint8_t *before = NULL;
	size_t len = 0;
	int r = file_read(RULES, RULES_MAX, &before, &len);

	if (r < 0 && r != -ENOENT)
		return appliance_fail(ret_error, r, RULES, strerror(-r));
	r = durable_write(RULES, buf_span(&e->rules), 0644);
	if (r == 0)
		r = order_give(&load, NULL);
	if (r < 0) { /* what was loaded before is, and can be loaded again */
		if (before)
			(void)durable_write(RULES, span_of(before, len), 0644);
		else
			(void)unlink(RULES);
		return appliance_fail(ret_error, r, NAME, "the firewall refused it");
	}
	r = let_signer_out(is_listed(e, program_of(SIGNER)), ret_error);
	if (r < 0)
		return r;
	r = tell_manager(e);
	return r < 0 ? appliance_fail(ret_error, r, NAME, "the manager refused it") : 0;
}

static void egress_done(struct egress *e)
{
	buf_done(&e->rules);
	for (size_t i = 0; i < COUNT; i++)
		buf_done(&e->units[i]);
}

/* Of the file at path; where there is none nobody is listed. Return: 0, or negative with
 * *ret_error. */
static int read_egress(const char *path, struct egress *e, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len, keeper = program_of("time");
	int r = file_read(path, EGRESS_MAX, &text, &len);

	if (r < 0 && r != -ENOENT)
		return appliance_fail(ret_error, r, path, strerror(-r));
	if (text && memchr(text, 0, len))
		return appliance_refuse(ret_error, NAME, "a file", "it is no text",
			"write a line for each destination");
	buf_init(&e->rules, RULES_MAX);
	for (size_t i = 0; i < COUNT; i++) {
		buf_init(&e->units[i], 4 * EGRESS_MAX);
	}
	r = text ? add_lines((char *)text, e, ret_error) : 0;
	if (r < 0 || is_listed(e, keeper))
		return r;
	buf_add_str(&e->rules, TIME_RULES);
	buf_add_str(&e->units[keeper], "any");
	return 0;
}

int appliance_egress_rules(const char *path, struct buf *rules, char **ret_error)
{
	_cleanup_(egress_done) struct egress e = { 0 };
	int r = read_egress(path, &e, ret_error);

	if (r == 0 && rules)
		r = buf_add(rules, e.rules.data, e.rules.len);
	return r < 0 ? r : 0;
}

int appliance_egress_lists(const char *path, const char *program, char **ret_error)
{
	_cleanup_(egress_done) struct egress e = { 0 };
	size_t which = program_of(program);
	int r = read_egress(path, &e, ret_error);

	if (r < 0)
		return r;
	return which < COUNT && is_listed(&e, which);
}

int appliance_egress_lets(const char *path, const char *program, const char *host,
	unsigned port, char **ret_error)
{
	_cleanup_(egress_done) struct egress e = { 0 };
	_cleanup_buf_ struct buf rule;
	char address[ADDRESS_SIZE];
	size_t which = program_of(program);
	int r = read_egress(path, &e, ret_error);

	buf_init(&rule, RULES_MAX);
	if (r < 0)
		return r;
	if (which == COUNT || !is_listed(&e, which))
		return 0;
	if (!canonical(host, address))
		return 1;
	r = add_rule(&rule, program, host, port);
	return r < 0 ? r : strstr(e.rules.data, rule.data) != NULL;
}

int appliance_egress(char **ret_error)
{
	_cleanup_(egress_done) struct egress e = { 0 };
	int r;

	if (access(EGRESS, F_OK) < 0 && access(SOURCES, F_OK) < 0)
		return 0;
	r = read_egress(EGRESS, &e, ret_error);
	return r < 0 ? r : enforce(&e, ret_error);
}
