/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/up_check.h"

#include <string.h>
#include <unistd.h>

enum when { ALWAYS, IN_A_TEST_INSTANCE };

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
	{ "signer.pin_file", IN_A_TEST_INSTANCE,
		"PIN of the token; sealgate init --test makes it" },
};

int up_list_missing(const struct instance *instance, FILE *out)
{
	bool test = config_bool(instance->config, "instance.test");
	int missing = 0;

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		const char *name = config_string(instance->config, FILES[i].key);
		char path[PATH_MAX];

		if (!*name || (FILES[i].when == IN_A_TEST_INSTANCE && !test))
			continue;
		if (instance_path(instance, name, path) == 0 && access(path, F_OK) == 0)
			continue;
		fprintf(out, "  %s (%s): %s\n", name, FILES[i].key, FILES[i].what);
		missing++;
	}
	return missing;
}
