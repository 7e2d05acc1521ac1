/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/instance.h"
#include "common/json.h"
#include "ctl/command.h"
#include "evidence/published.h"
#include "pkcs11/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 5000

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "sealgate certificates: %s: %s\n", what, why);
	return EXIT_INTERNAL;
}

static int print(json_t *value)
{
	_cleanup_json_ json_t *owned = value;
	_cleanup_(freep) char *text = value ? json_canonical(value) : NULL;

	if (!text)
		return complain("a certificate", "is none, or there is no memory");
	printf("%s\n", text);
	return 0;
}

static int print_role(struct signer *signer, size_t i)
{
	const char *role = PUBLISHED_ROLE[i];
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result result = { 0 };
	size_t len;
	int r = signer_certificates(signer, role, &der, &len, &result);

	if (r < 0)
		return complain(role, strerror(-r));
	if (r == SIGNER_REFUSED && i >= PUBLISHED_ALWAYS)
		return 0;
	if (r != SIGNER_SIGNED)
		return complain(role, result.reason);
	return print(published_certificate(role, result.mechanism, span_of(der, len)));
}

static int print_notices(const struct instance *instance)
{
	_cleanup_json_ json_t *notices = NULL;
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int status = 0;
	json_t *notice;
	size_t i;

	if (instance_path(instance, "policies", policies) == 0)
		notices = published_notices(policies, &error);
	if (!notices)
		return complain(PUBLISHED_NOTICES, error ? error : strerror(ENOMEM));
	json_array_foreach(notices, i, notice) status |= print(json_incref(notice));
	return status;
}

static int print_all(const struct instance *instance)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	char path[PATH_MAX];
	int status = 0, r = instance_socket(instance, "signer", path);

	if (r == 0)
		r = signer_connect(path, TIMEOUT_MS, &signer);
	if (r < 0)
		return complain("the signer", strerror(-r));
	for (size_t i = 0; status == 0 && i < PUBLISHED_ROLES; i++)
		status = print_role(signer, i);
	return status ? status : print_notices(instance);
}

/* A JSON line for each role's certificate, then one for each notice. */
int cmd_certificates(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct instance instance;
	int r;

	optind = 1;
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("certificates");
	r = instance_open(NULL, &instance, &error);
	if (r < 0) {
		complain("the instance", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = print_all(&instance);
	instance_done(&instance);
	return r;
}
