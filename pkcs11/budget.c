/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/budget.h"

#include "common/json.h"
#include "pkcs11/client.h"

#include <errno.h>

static int warn(json_t *list, const char *code, json_t *message)
{
	return json_array_append_new(list, json_pack("{s:s,s:s,s:o}", "code", code,
						   "destination", "", "message", message))
		       ? -ENOMEM
		       : 0;
}

static bool near(json_int_t made, json_int_t most)
{
	return most > 0 && (uint64_t)made >= budget_warned_at((uint64_t)most);
}

static int warn_of_role(json_t *list, const json_t *role)
{
	json_int_t most = json_integer_value(json_object_get(role, "total"));
	json_int_t made = json_integer_value(json_object_get(role, "made"));

	if (!near(made, most))
		return 0;
	return warn(list, "signatures",
		json_sprintf("the key of role %s has made %lld of its %lld signatures: "
			     "then it signs nothing more; have a new key certified, or "
			     "raise its total in roles.cfg",
			json_string_of(role, "role"), (long long)made, (long long)most));
}

int budget_warn(json_t *list, const json_t *status)
{
	json_int_t most = json_integer_value(json_object_get(status, "callbacks_most"));
	json_int_t made = json_integer_value(json_object_get(status, "callbacks"));
	const json_t *role;
	size_t i;
	int r = 0;

	if (near(made, most))
		r = warn(list, "callbacks",
			json_sprintf("call-backs have %lld of the %lld signatures that "
				     "they may have of the receipts' key: then partners "
				     "are not called back; have a new key certified, or "
				     "raise its total in roles.cfg",
				(long long)made, (long long)most));
	json_array_foreach(json_object_get(status, "roles"), i, role) r =
		r == 0 ? warn_of_role(list, role) : r;
	return r;
}
