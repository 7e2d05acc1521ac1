/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/reach.h"

#include "ctl/appliance/appliance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/order.h"
#include "ctl/appliance/refuse.h"
#include "policy/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONF "sealgate.conf"
#define PEOPLE "policies/operators.cfg"
#define SHIP "ship/"

/* What nftables.conf lets in, and no other. */
static const char *const PORTS[] = { "8443", "8444", "8445" };
static const char *const LISTENERS[] = { "listen.partners", "listen.customs",
	"listen.operators" };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A path, or with a slash at its end anything below it. */
static bool is_listed(const struct manifest *m, const char *path)
{
	size_t len = strlen(path);
	bool below = len && path[len - 1] == '/';

	for (size_t i = 0; i < m->count; i++)
		if (below ? strncmp(m->files[i].path, path, len) == 0
			  : strcmp(m->files[i].path, path) == 0)
			return true;
	return false;
}

static int lacks(char **ret_error, const char *path)
{
	return appliance_refuse(ret_error, path, "nothing",
		"a machine needs it, and has nothing else instead",
		"add it, and sign the configuration anew");
}

int reach_files(
	const struct manifest *m, const struct instance *instance, char **ret_error)
{
	static const char *const paths[] = { PEOPLE, "network/egress.csv" };
	static const char *const keys[] = { "tls.certificate", "tls.key",
		"tls.partner_ca", "tls.customs_ca", "tls.operator_ca" };

	for (size_t i = 0; i < COUNT(paths); i++)
		if (!is_listed(m, paths[i]))
			return lacks(ret_error, paths[i]);
	for (size_t i = 0; i < COUNT(keys); i++) {
		const char *path = config_string(instance->config, keys[i]);

		if (!is_listed(m, path))
			return lacks(ret_error, path);
	}
	return is_listed(m, "state/trust/revocation/")
		       ? 0
		       : lacks(ret_error, "state/trust/revocation/");
}

int reach_receivers(const struct manifest *m, char **ret_error)
{
	char unit[PATH_MAX];

	for (size_t i = 0; i < m->count; i++) {
		const char *path = m->files[i].path, *name;
		const struct order o = { ORDER_CALL, unit, NULL };

		if (strncmp(path, SHIP, strlen(SHIP)) != 0)
			continue;
		name = path + strlen(SHIP);
		if (!strchr(name, '/')) /* none, whatever it is */
			continue;
		(void)snprintf(unit, sizeof(unit), "sealgate-ship@%.*s.timer",
			(int)strcspn(name, "/"), name);
		if (!order_known(&o))
			return appliance_refuse(ret_error, SHIP, path,
				"is of a receiver whose name no timer may have",
				"take 128 letters, digits, dots and underscores at most");
	}
	return 0;
}

/* Of "[2001:db8::1]:8443" or "192.0.2.1:8443" the port, NULL: it is neither. */
static const char *port_of(const char *listen, char ret_address[INET6_ADDRSTRLEN])
{
	const char *colon = strrchr(listen, ':');
	bool six = listen[0] == '[';
	unsigned char octets[16];
	size_t len;

	if (!colon || colon - listen < 2)
		return NULL;
	len = (size_t)(colon - listen) - (six ? 2 : 0);
	if (len >= INET6_ADDRSTRLEN || (six && colon[-1] != ']'))
		return NULL;
	memcpy(ret_address, listen + (six ? 1 : 0), len);
	ret_address[len] = '\0';
	return inet_pton(six ? AF_INET6 : AF_INET, ret_address, octets) == 1 ? colon + 1
									     : NULL;
}

/* By the words: of another spelling of the first the edge would not listen to IPv4. */
static bool is_any(const char *address)
{
	return strcmp(address, "::") == 0 || strcmp(address, "0.0.0.0") == 0;
}

static int judge_listener(
	const char *key, const char *listen, bool *taken, char **ret_error)
{
	char address[INET6_ADDRSTRLEN], where[64];
	const char *port = port_of(listen, address);
	size_t i = 0;

	(void)snprintf(where, sizeof(where), CONF ": %s", key);
	if (!port)
		return appliance_refuse(ret_error, where, listen,
			"is no address with a port", "write [::]:PORT");
	/* which the health check would not reach, by the filter of its unit, nor the edge
	 * have in a start that is before the address is there */
	if (!is_any(address))
		return appliance_refuse(ret_error, where, listen,
			"is one address, of which an appliance takes none",
			"write [::]:PORT for every address, or 0.0.0.0:PORT");
	while (i < COUNT(PORTS) && strcmp(PORTS[i], port) != 0)
		i++;
	if (i == COUNT(PORTS))
		return appliance_refuse(ret_error, where, listen,
			"the firewall lets nobody in there", "take 8443, 8444 or 8445");
	if (taken[i])
		return appliance_refuse(ret_error, where, listen,
			"another listener has this port", "take 8443, 8444 or 8445");
	taken[i] = true;
	return 0;
}

int reach_listeners(const struct instance *instance, char **ret_error)
{
	bool taken[COUNT(PORTS)] = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(LISTENERS); i++)
		r = judge_listener(LISTENERS[i],
			config_string(instance->config, LISTENERS[i]), taken, ret_error);
	return r;
}

int reach_people(const char *policies, char **ret_error)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	const struct operator_person *person;
	int r = policy_load_people(policies, &policy, ret_error);
	size_t have = 0, need;
	char received[64];

	if (r < 0)
		return r;
	need = policy_needs_two(policy, "machine") ? 2 : 1;
	for (size_t i = 0; (person = policy_operator_at(policy, i)) != NULL; i++)
		have += policy_role_may(policy, person->role, "machine");
	(void)snprintf(received, sizeof(received), "%zu with the verb machine", have);
	return have >= need
		       ? 0
		       : appliance_refuse(ret_error, PEOPLE ": people", received,
				 need == 2
					 ? "the next configuration and each update take "
					   "two (four_eyes)"
					 : "nobody could send the next configuration",
				 "name people whose role has it");
}
