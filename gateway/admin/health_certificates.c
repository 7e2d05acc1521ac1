/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether partners and destinations may rely on what the gate seals and acknowledges
 * with: nobody tells it but the revocation data that it fetches itself. */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/json.h"
#include "evidence/in_use.h"
#include "pkcs11/client.h"
#include "trust/store.h"

#include <stdio.h>

#define FIX                                                                              \
	"Revoked or ended: have a new one issued and import it (sealgate hsm csr, "      \
	"import). Without an anchor or revocation data: put its authority into "         \
	"policies/anchors/seal, and see sealgate trust supply."

static json_t *report(const struct visit *v, const struct trust_store *store)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	char path[PATH_MAX];

	if (instance_socket(v->admin->instance, "signer", path) < 0 ||
		signer_connect(path, SIGNER_TIMEOUT_MS, &signer) < 0)
		return NULL;
	return in_use_report(signer_role_certificates, signer,
		store ? trust_material(store, TRUST_SEAL) : NULL, clock_now());
}

json_t *certificates_check(const struct visit *v, const struct trust_store *store)
{
	_cleanup_json_ json_t *all = report(v, store);
	const json_t *one, *first = NULL;
	char message[400];
	json_t *c;
	size_t i;

	if (!all)
		return check(false,
			"whether the certificates in use are in order is unknown",
			"See the checks signer and store.");
	json_array_foreach(all, i, one) if (!first && in_use_fails(one)) first = one;
	if (first)
		(void)snprintf(message, sizeof(message),
			"the certificate of the role %s: %s",
			json_string_of(first, "role"), json_string_of(first, "reason"));
	c = first ? check(false, message, FIX)
		  : check(true, "nothing is known against the certificates in use", "");
	if (c)
		json_object_set(c, "roles", all);
	return c;
}
