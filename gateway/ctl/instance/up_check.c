/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/up_check.h"

#include <string.h>
#include <unistd.h>

enum when { ALWAYS, IN_A_TEST_INSTANCE, WITHOUT_CUSTODY };

static const struct {
	const char *key;
	enum when when;
	const char *what;
} FILES[] = {
	{ "tls.certificate", ALWAYS, "server certificate with its chain" },
	{ "tls.key", ALWAYS, "its private key" },
	{ "tls.partner_ca", ALWAYS, "authorities of partners' client certificates" },
	{ "tls.customs_ca", ALWAYS, "authorities of customs' client certificates" },
	{ "tls.operator_ca", ALWAYS, "authorities of operators' client certificates" },
	{ "tls.nginx", ALWAYS, "the nginx program" },
	{ "forward.ca", ALWAYS, "authorities of destinations' server certificates" },
	{ "signer.module", ALWAYS, "the PKCS#11 module" },
	{ "signer.softhsm_conf", IN_A_TEST_INSTANCE,
		"configuration of the software token; sealgate init --test makes it" },
	{ "signer.pin_file", WITHOUT_CUSTODY,
		"PIN of the token; sealgate init --test makes it" },
};

static bool wanted(const struct instance *instance, enum when when)
{
	const char *activation = config_string(instance->config, "signer.activation");

	if (when == ALWAYS)
		return true;
	return config_bool(instance->config, "instance.test") &&
	       (when == IN_A_TEST_INSTANCE || strcmp(activation, "auto") == 0);
}

int up_list_missing(const struct instance *instance, FILE *out)
{
	int missing = 0;

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		const char *name = config_string(instance->config, FILES[i].key);
		char path[PATH_MAX];

		if (!*name || !wanted(instance, FILES[i].when))
			continue;
		if (instance_secret(instance, name, path) == 0 && access(path, F_OK) == 0)
			continue;
		fprintf(out, "  %s (%s): %s\n", name, FILES[i].key, FILES[i].what);
		missing++;
	}
	return missing;
}
