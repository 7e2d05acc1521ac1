/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration with which nobody would reach the machine is refused for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/sealgate-reach-XXXXXX";

#define CARD "[Match]\nName=en*\n"
#define MINE CARD "[Network]\nAddress=192.0.2.10/24\n"

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static const struct {
	const char *text;
	const char *said; /* NULL: it is taken */
} NETWORKS[] = {
	{ MINE, NULL },
	{ MINE "Gateway=192.0.2.1\nDNS=192.0.2.53 2001:db8::53\n", NULL },
	{ MINE "Gateway=fe80::1\n", NULL },
	{ MINE "[Route]\nGateway=192.0.2.1\nDestination=198.51.100.0/24\nMetric=7\n",
		NULL },
	{ MINE "[Route]\nGateway=198.51.100.1\nGatewayOnLink=yes\n", NULL },
	{ CARD "# a comment\n[Network]\nDHCP = ipv4\n[DHCPv4]\nUseDNS=no\n", NULL },
	{ "[Match]\r\nMACAddress=52:54:00:12:34:56\r\n[Network]\r\nDHCP=yes\r\n", NULL },
	{ CARD "[Network]\nIPv6AcceptRA=yes\n", NULL },
	{ CARD "[Address]\nAddress=2001:db8::a/64\n[Route]\nGateway=2001:db8::1\n",
		NULL },
	{ "", "machine.network: received 'no [Match]'" },
	{ "[Network]\nAddress=192.0.2.10/24\n", "received 'no [Match]'" },
	{ CARD, "received 'no address'" },
	{ CARD "[Network]\nDHCP=no\n", "received 'no address'" },
	{ CARD "[Network]\nDHCP=ja\n", ":4: received 'ja'" },
	{ CARD "[Network]\nAddress=192.0.2.10\n",
		":4: received '192.0.2.10': is no address" },
	{ CARD "[Network]\nAddress=192.0.2.256/24\n", "received '192.0.2.256/24'" },
	{ CARD "[Network]\nAddress=192.0.2.10/33\n", "received '192.0.2.10/33'" },
	{ CARD "[Network]\nAdress=192.0.2.10/24\n", ":4: received 'Adress': is no key" },
	{ MINE "Gateway=192.0.3.1\n", ":5: received '192.0.3.1': no Address has it" },
	{ CARD "[Network]\nAddress=192.0.2.10/25\nGateway=192.0.2.129\n",
		"no Address has" },
	{ MINE "Gateway=2001:db8::1\n", "received '2001:db8::1': no Address has it" },
	{ MINE "Gateway=192.0.2.1\nGateway=198.51.100.1\n",
		":6: received '198.51.100.1': no Address has it" },
	{ MINE "Address=2001:db8::a/64\nGateway=2001:db8::1\nGateway=198.51.100.1\n",
		":7: received '198.51.100.1': no Address has it" },
	{ MINE "Gateway=198.51.100.1\n[Route]\nGateway=203.0.113.1\nGatewayOnLink=yes\n",
		":5: received '198.51.100.1': no Address has it" },
	{ MINE "[Route]\nGatewayOnLink=yes\n[Route]\nGateway=198.51.100.1\n",
		":8: received '198.51.100.1': no Address has it" },
	{ MINE "[Route]\nGatewayOnLink=yes\nGateway=198.51.100.1\n[Network]\n", NULL },
	{ CARD "[Network]\nDHCP=yes\v\n", ":4: received 'yes\v'" },
	{ CARD "[Network]\nDHCP=yes\f\n", ":4: received 'yes\f'" },
	{ CARD "[Network]\nDHCP=yes \t\r\n", NULL },
	{ MINE "Gateway=router\n", "received 'router': is no address" },
	{ MINE "DNS=dns.example\n", "received 'dns.example'" },
	{ MINE "DNS=\n", ":5: received ''" },
	{ MINE "IPForward=yes\n", "received 'IPForward'" },
	{ MINE "VLAN=one\n", "received 'VLAN'" },
	{ MINE "[Bridge]\nCost=1\n", ":5: received '[Bridge]': is no section" },
	{ MINE "[Route\n", "received '[Route'" },
	{ "[Match]\nMACAddress=52:54:00:12:34\n", ":2: received '52:54:00:12:34'" },
	{ "Name=en0\n" MINE, ":1: received 'Name=en0': is no line" },
	{ MINE "[Route]\nGateway=192.0.2.1\nMetric=soon\n", "received 'soon'" },
	{ CARD "[Network]\nDescription=a\\\nAddress=192.0.2.10/24\n",
		":4: received 'Description=a\\': ends in \\" },
	{ "[Match]\nName=en* \\ \r\n[Network]\nDHCP=yes\n",
		":2: received 'Name=en* \\': ends in" },
	{ MINE "Description=a\\", ":5: received 'Description=a\\': ends in" },
	{ MINE "Domains=a\rDHCP=no\n", "': has an end of a line in it" },
	{ MINE "# a\rDHCP=no\n", "': has an end of a line in it" },
	{ MINE "Gateway=192.0.2.1 \xe9\n", ":5: received 'a line that is not UTF-8'" },
	{ "[Match]\nName=en*\xff\n" MINE, ":2: received 'a line that is not UTF-8'" },
	{ MINE "Description=caf\xc3\xa9\n", NULL },
	/* a comment ends with its line */
	{ CARD "# a \\\n[Network]\nAddress=192.0.2.10/24\n", NULL },
};

static void a_network(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/machine.network", root);
	for (size_t i = 0; i < sizeof(NETWORKS) / sizeof(NETWORKS[0]); i++) {
		_cleanup_(freep) char *error = NULL;
		int r;

		put("machine.network", NETWORKS[i].text);
		r = reach_network(path, &error);
		if (!NETWORKS[i].said) {
			if (r != 0)
				fail_msg("%s: %s", NETWORKS[i].text, error);
			continue;
		}
		assert_int_equal(r, -EINVAL);
		if (!strstr(error, NETWORKS[i].said) || !strstr(error, "; "))
			fail_msg("%s: %s", NETWORKS[i].text, error);
	}
	assert_int_equal(reach_network("/nonexistent/machine.network", NULL), 0);
}

static int listeners(const char *partners, const char *customs, const char *operators,
	char **ret_error)
{
	struct instance instance;
	char text[512];
	int r;

	(void)snprintf(text, sizeof(text),
		"listen = { partners = \"%s\"; customs = \"%s\"; operators = \"%s\"; "
		"};\n",
		partners, customs, operators);
	put("sealgate.conf", text);
	assert_int_equal(instance_open(root, &instance, ret_error), 0);
	r = reach_listeners(&instance, ret_error);
	instance_done(&instance);
	return r;
}

static void a_listener(void **state)
{
	static const struct {
		const char *listen, *said;
	} ROWS[] = { { "127.0.0.1:8445", "is one address" },
		{ "[::1]:8445", "is one address" },
		{ "192.0.2.1:8445", "is one address" },
		{ "[2001:db8::1]:8445", "is one address" },
		{ "[::ffff:0.0.0.0]:8445", "is one address" },
		{ "[0::0]:8445", "is one address" },
		{ "[::]:9445", "listen.operators: received '[::]:9445': the firewall" },
		{ "[::]:8443", "another listener has this port" },
		{ "gate.example:8445", "is no address with a port" },
		{ "8445", "is no address with a port" },
		{ "[::]", "is no address with a port" },
		{ "[192.0.2.1]:8445", "is no address with a port" } };
	char *error = NULL;

	(void)state;
	assert_int_equal(listeners("[::]:8443", "0.0.0.0:8444", "[::]:8445", &error), 0);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		assert_int_equal(
			listeners("[::]:8443", "[::]:8444", ROWS[i].listen, &error),
			-EINVAL);
		if (!strstr(error, ROWS[i].said))
			fail_msg("%s: %s", ROWS[i].listen, error);
		free(error);
		error = NULL;
	}
}

static int people(const char *text, char **ret_error)
{
	char path[PATH_MAX];

	put("policies/operators.cfg", text);
	(void)snprintf(path, sizeof(path), "%s/policies", root);
	return reach_people(path, ret_error);
}

#define ROLES                                                                            \
	"roles = { viewer = ( \"view\" ); operator = ( \"view\", \"machine\" ); "        \
	"policy-officer = ( ); key-custodian = ( \"machine\" ); auditor = ( ); };\n"
#define TWO "four_eyes = ( \"machine\" );\n"
#define PERSON(n, role)                                                                  \
	"{ name = \"" n "\"; role = \"" role "\"; sha256 = \"" n                         \
	"00000000000000000000000000000000000000000000000000000000000000" n "\"; }"

static void the_people(void **state)
{
	char *error = NULL;

	(void)state;
	assert_int_equal(people("people = ( " PERSON("1", "operator") ", " PERSON(
					"2", "key-custodian") " );\n" ROLES TWO,
				 &error),
		0);
	assert_int_equal(
		people("people = ( " PERSON("1", "operator") " );\n" ROLES, &error), 0);
	assert_int_equal(people("people = ( " PERSON("1", "operator") ", " PERSON(
					"2", "viewer") " );\n" ROLES TWO,
				 &error),
		-EINVAL);
	assert_non_null(strstr(error, "received '1 with the verb machine': the next"));
	free(error);
	error = NULL;
	assert_int_equal(people("people = ( );\n" ROLES, &error), -EINVAL);
	assert_non_null(strstr(error, "operators.cfg: people: received '0 with"));
	free(error);
}

static void the_files(void **state)
{
	static const char *const PATHS[] = { "sealgate.conf", "policies/operators.cfg",
		"tls/server.pem", "tls/server.key", "tls/partner-ca.pem",
		"tls/customs-ca.pem", "tls/operator-ca.pem", "network/egress.csv",
		"state/trust/revocation/one.crl" };
	const size_t count = sizeof(PATHS) / sizeof(PATHS[0]);
	struct manifest_file files[sizeof(PATHS) / sizeof(PATHS[0])];
	struct manifest m = { .files = files };
	struct instance instance;
	char *error = NULL;

	(void)state;
	put("sealgate.conf", "");
	assert_int_equal(instance_open(root, &instance, &error), 0);
	for (size_t without = 0; without <= count; without++) {
		bool wanted = without > 0 && without < count;
		int r;

		m.count = 0;
		for (size_t i = 0; i < count; i++)
			if (i != without)
				files[m.count++] =
					(struct manifest_file){ .path = PATHS[i] };
		r = reach_files(&m, &instance, &error);
		assert_int_equal(r, wanted ? -EINVAL : 0);
		if (wanted && strstr(error, "state/") != error)
			assert_ptr_equal(strstr(error, PATHS[without]), error);
		free(error);
		error = NULL;
	}
	instance_done(&instance);
}

static void the_receivers(void **state)
{
	char longest[2][256];
	struct {
		const char *path;
		bool taken;
	} rows[] = {
		{ longest[0], true },
		{ longest[1], false },
		{ "ship/site_2.example/server", true },
		{ "ship/site-2/server", false },
		{ "ship/site@2/server", false },
		{ "ship/a-file", true },
		{ "logs/site-2/server", true },
	};

	(void)state;
	for (int more = 0; more < 2; more++)
		(void)snprintf(longest[more], sizeof(longest[more]), "ship/%0*d/server",
			128 + more, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct manifest_file file = { .path = rows[i].path };
		struct manifest m = { .files = &file, .count = 1 };
		_cleanup_(freep) char *error = NULL;
		int r = reach_receivers(&m, &error);

		if (r != (rows[i].taken ? 0 : -EINVAL))
			fail_msg("%s: %d", rows[i].path, r);
		assert_true(rows[i].taken || strstr(error, rows[i].path));
	}
}

#define NO_PROXY "hosts = ( );\n"
#define SOURCES NO_PROXY "proxy = \"http://192.0.2.8:3128\";\n"

static const struct {
	const char *configuration, *sources, *egress;
	const char *said; /* NULL: it is taken */
} PROXIES[] = {
	{ "", NO_PROXY, "", NULL },
	{ "seal = { proxy = \"http://192.0.2.8:3128\"; };\n", NO_PROXY,
		"seal,192.0.2.1,443\nseal,192.0.2.8,3128\n", NULL },
	{ "seal = { proxy = \"HTTP://[2001:db8::8]:3128/\"; };\n", NO_PROXY,
		"seal,2001:db8:0::8,3128\n", NULL },
	{ "seal = { proxy = \"http://192.0.2.8:3128\"; };\n", NO_PROXY, "",
		"sealgate.conf: seal.proxy: received 'http://192.0.2.8:3128': "
		"network/egress.csv does not let seal out" },
	{ "seal = { proxy = \"http://192.0.2.8:3128\"; };\n", NO_PROXY,
		"seal,192.0.2.8,312\nforward,192.0.2.8,3128\nseal,192.0.2.80,3128\n",
		"seal.proxy: received" },
	{ "seal = { proxy = \"http://[2001:db8::8]:3128\"; };\n", NO_PROXY,
		"seal,2001:db8::9,3128\n", "seal.proxy: received" },
	{ "forward = { proxy = \"http://192.0.2.8:3128\"; };\n", NO_PROXY,
		"seal,192.0.2.8,3128\n", "sealgate.conf: forward.proxy: received" },
	/* whose addresses are not known, but that there would have to be some */
	{ "forward = { proxy = \"http://proxy.example:3128\"; };\n", NO_PROXY,
		"forward,192.0.2.8,3128\n", NULL },
	{ "forward = { proxy = \"http://proxy.example:3128\"; };\n", NO_PROXY,
		"seal,192.0.2.8,3128\n", "forward.proxy: received" },
	{ "", SOURCES, "seal,192.0.2.8,3128\n",
		"sources.cfg: proxy: received 'http://192.0.2.8:3128'" },
	{ "", SOURCES, "trustd,192.0.2.8,3128\n", NULL },
	{ "seal = { proxy = \"http://192.0.2.8:3128\"; };\n", "", "seal,1\n",
		"network/egress.csv:1: received 'seal,1': " },
};

static void the_proxies(void **state)
{
	char egress[PATH_MAX];

	(void)state;
	(void)snprintf(egress, sizeof(egress), "%s/egress.csv", root);
	for (size_t i = 0; i < sizeof(PROXIES) / sizeof(PROXIES[0]); i++) {
		_cleanup_(freep) char *error = NULL;
		struct instance instance;
		int r;

		put("sealgate.conf", PROXIES[i].configuration);
		put("policies/trust/sources.cfg", PROXIES[i].sources);
		put("egress.csv", PROXIES[i].egress);
		assert_int_equal(instance_open(root, &instance, &error), 0);
		r = reach_proxies(&instance, egress, &error);
		instance_done(&instance);
		if (r != (PROXIES[i].said ? -EINVAL : 0) ||
			(r < 0 && !strstr(error, PROXIES[i].said)))
			fail_msg("%s%s%s: %d %s", PROXIES[i].configuration,
				PROXIES[i].sources, PROXIES[i].egress, r,
				error ? error : "");
	}
}

static int make(void **state)
{
	char path[PATH_MAX];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/policies", root);
	if (mkdir(path, 0700) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/policies/trust", root);
	return mkdir(path, 0700);
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network),
		cmocka_unit_test(a_listener),
		cmocka_unit_test(the_people),
		cmocka_unit_test(the_files),
		cmocka_unit_test(the_receivers),
		cmocka_unit_test(the_proxies),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
