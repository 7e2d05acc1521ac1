/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/reach.h"

#include "ctl/appliance/appliance.h"
#include "ctl/appliance/refuse.h"
#include "policy/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME_LENGTH (sizeof("http://") - 1)

/* Of what config_is_proxy() takes, and is not empty. Return: the port, 0: it is longer
 * than a name can be. */
static unsigned take_apart(const char *proxy, char ret_host[SOURCE_HOST_SIZE])
{
	const char *host = proxy + SCHEME_LENGTH, *colon = strrchr(host, ':');
	bool brackets = host[0] == '[';
	size_t len = colon ? (size_t)(colon - host) : 0;

	if (brackets) {
		host++;
		len -= 2;
	}
	if (!colon || len >= SOURCE_HOST_SIZE)
		return 0;
	memcpy(ret_host, host, len);
	ret_host[len] = '\0';
	return (unsigned)strtoul(colon + 1, NULL, 10);
}

static int judge(const char *where, const char *program, const char *proxy,
	const char *egress, char **ret_error)
{
	char host[SOURCE_HOST_SIZE], why[96];
	unsigned port;
	int r;

	if (!*proxy)
		return 0;
	port = take_apart(proxy, host);
	r = port ? appliance_egress_lets(egress, program, host, port, ret_error) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	(void)snprintf(why, sizeof(why),
		"network/egress.csv does not let %s out to this proxy", program);
	return appliance_refuse(
		ret_error, where, proxy, why, "add a line PROGRAM,ADDRESS,PORT for it");
}

static int judge_sources(
	const struct instance *instance, const char *egress, char **ret_error)
{
	_cleanup_(sources_freep) struct sources *sources = NULL;
	char policies[PATH_MAX];
	int r = instance_path(instance, "policies", policies);

	if (r == 0)
		r = sources_load(policies, config_bool(instance->config, "instance.test"),
			&sources, ret_error);
	if (r < 0 || !sources)
		return r;
	return judge("policies/trust/sources.cfg: proxy", "trustd", sources->proxy,
		egress, ret_error);
}

int reach_proxies(const struct instance *instance, const char *egress, char **ret_error)
{
	int r = judge("sealgate.conf: seal.proxy", "seal",
		config_string(instance->config, "seal.proxy"), egress, ret_error);

	if (r == 0)
		r = judge("sealgate.conf: forward.proxy", "forward",
			config_string(instance->config, "forward.proxy"), egress,
			ret_error);
	return r == 0 ? judge_sources(instance, egress, ret_error) : r;
}
