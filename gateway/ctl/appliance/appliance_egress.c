/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/buf.h"
#include "common/durable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "network/egress.csv"
#define EGRESS APPLIANCE_INSTANCE "/" NAME
#define EGRESS_MAX 65536u
#define RULES "/run/appliance-egress.nft" /* nftables.conf includes it */
#define CANDIDATE "/run/appliance-rules.nft"
#define SAID "/run/appliance-rules.said" /* what the unit that judges it says */
#define SAID_MAX 65536u
#define JUDGE "appliance-rules.service"
#define AROUND "include \"/etc/nftables.conf\"\n" /* its first line */

/* The programs that may speak out, and what the line of each adds up to. */
static const struct {
	const char *name, *unit;
} PROGRAMS[] = { { "seal", "sealgate-seal.service" },
	{ "forward", "sealgate-forward.service" },
	{ "trustd", "sealgate-trustd.service" }, { "logs", "sealgate-logs.service" },
	{ "ship", APPLIANCE_SHIP_SLICE } };

#define COUNT (sizeof(PROGRAMS) / sizeof(PROGRAMS[0]))

struct egress {
	struct buf rules;	 /* for nft */
	struct buf units[COUNT]; /* IPAddressAllow= of each program's unit */
};

static size_t program_of(const char *name)
{
	size_t i = 0;

	while (i < COUNT && strcmp(PROGRAMS[i].name, name) != 0)
		i++;
	return i;
}

/* "seal,192.0.2.1,443": the program, an address, a port; nothing else gets through, since
 * what is made of it is a program of the firewall. */
static int add_line(const char *line, struct egress *e)
{
	char who[8], address[INET6_ADDRSTRLEN], port[6], rest;
	unsigned char octets[16];
	unsigned long number;
	size_t program;
	bool six;

	if (sscanf(line, "%7[a-z],%45[0-9a-f:.],%5[0-9]%c", who, address, port, &rest) !=
		3)
		return -EINVAL;
	number = strtoul(port, NULL, 10);
	program = program_of(who);
	six = inet_pton(AF_INET6, address, octets) == 1;
	if (number < 1 || number > 65535 || program == COUNT ||
		(!six && inet_pton(AF_INET, address, octets) != 1))
		return -EINVAL;
	buf_addf(&e->units[program], "%s ", address);
	return buf_addf(&e->rules, "add element inet appliance %s_to%s { %s . %lu }\n",
		who, six ? "6" : "", address, number);
}

static int add_lines(char *text, struct egress *e, char **ret_error)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		int r = line[0] == '#' ? 0 : add_line(line, e);

		if (r < 0)
			return appliance_fail(ret_error, r, NAME, line);
	}
	return 0;
}

int appliance_egress_fault(const char *said, char **ret_error)
{
	const char *at = said ? strstr(said, "Error: ") : NULL;

	at = at ? at + strlen("Error: ") : "it does not answer";
	if (asprintf(ret_error, NAME ": the firewall refuses it: %.*s",
		    (int)strcspn(at, "\n"), at) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

/* By nft, in a unit of its own that has the right to ask the kernel, with all that would
 * be in force beside it. */
static int judge(const struct egress *e, char **ret_error)
{
	_cleanup_buf_ struct buf candidate;
	_cleanup_(freep) uint8_t *said = NULL;
	size_t len;
	int r;

	buf_init(&candidate, 5 * EGRESS_MAX);
	buf_add_str(&candidate, AROUND);
	buf_add(&candidate, e->rules.data, e->rules.len);
	r = candidate.error;
	if (r == 0)
		r = durable_write(CANDIDATE, buf_span(&candidate), 0644);
	if (r < 0)
		return appliance_fail(ret_error, r, CANDIDATE, strerror(-r));
	r = appliance_start(JUDGE, true);
	if (r == 0)
		return 0;
	(void)file_read(SAID, SAID_MAX, &said, &len);
	return appliance_egress_fault((const char *)said, ret_error);
}

/* The manager's own filter beside the firewall: a second lock on the same door. Told one
 * by one, since having the manager read all of its units again takes many seconds. */
static int tell_manager(struct egress *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT; i++) {
		const char *const argv[] = { "/usr/bin/systemctl", "set-property",
			"--runtime", PROGRAMS[i].unit, e->units[i].data, NULL };

		if (e->units[i].error)
			return e->units[i].error;
		if (e->units[i].len > strlen("IPAddressAllow="))
			r = appliance_run(argv) == 0 ? 0 : -EIO;
	}
	return r;
}

static int enforce(struct egress *e, char **ret_error)
{
	static const char *const load[] = { "/usr/bin/systemctl", "reload",
		"nftables.service", NULL };
	_cleanup_(freep) uint8_t *before = NULL;
	size_t len = 0;
	int r = file_read(RULES, 4 * EGRESS_MAX, &before, &len);

	if (r < 0 && r != -ENOENT)
		return appliance_fail(ret_error, r, RULES, strerror(-r));
	r = durable_write(RULES, buf_span(&e->rules), 0644);
	if (r == 0)
		r = appliance_run(load) == 0 ? 0 : -EIO;
	if (r < 0) { /* what was loaded before is, and can be loaded again */
		if (before)
			(void)durable_write(RULES, span_of(before, len), 0644);
		else
			(void)unlink(RULES);
		return appliance_fail(ret_error, r, NAME, "the firewall refused it");
	}
	r = tell_manager(e);
	return r < 0 ? appliance_fail(ret_error, r, NAME, "the manager refused it") : 0;
}

static void egress_done(struct egress *e)
{
	buf_done(&e->rules);
	for (size_t i = 0; i < COUNT; i++)
		buf_done(&e->units[i]);
}

/* Of the file at path, judged. Return: 0, 1 there is none, negative with *ret_error. */
static int read_egress(const char *path, struct egress *e, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int r = file_read(path, EGRESS_MAX, &text, &len);

	if (r == -ENOENT)
		return 1;
	if (r < 0)
		return appliance_fail(ret_error, r, path, strerror(-r));
	buf_init(&e->rules, 4 * EGRESS_MAX);
	for (size_t i = 0; i < COUNT; i++) {
		buf_init(&e->units[i], 4 * EGRESS_MAX);
		buf_add_str(&e->units[i], "IPAddressAllow=");
	}
	r = add_lines((char *)text, e, ret_error);
	return r < 0 ? r : judge(e, ret_error);
}

int appliance_egress_check(const char *path, char **ret_error)
{
	_cleanup_(egress_done) struct egress e = { 0 };
	int r = read_egress(path, &e, ret_error);

	return r < 0 ? r : 0;
}

int appliance_egress(char **ret_error)
{
	_cleanup_(egress_done) struct egress e = { 0 };
	int r = read_egress(EGRESS, &e, ret_error);

	if (r != 0)
		return r < 0 ? r : 0;
	return enforce(&e, ret_error);
}
