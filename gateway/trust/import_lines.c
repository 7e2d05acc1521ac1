/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/import.h"

#include "common/json.h"
#include "pki/certificate.h"

#include <errno.h>
#include <stdlib.h>

static void set_list(json_t *line, const struct trusted_list *l)
{
	json_object_set_new(
		line, "sequence", l ? json_integer(l->sequence) : json_null());
	json_object_set_new(line, "version", l ? json_integer(l->version) : json_null());
	json_object_set_new(line, "issue", l ? json_time(l->issued) : json_null());
	json_object_set_new(
		line, "next_update", l ? json_time(l->next_update) : json_null());
	json_object_set_new(
		line, "providers", json_integer(l ? (json_int_t)l->providers : 0));
	json_object_set_new(line, "services",
		json_integer(!l		     ? 0
			     : l->is_outline ? (json_int_t)l->outline_services
					     : (json_int_t)l->service_count));
	json_object_set_new(
		line, "certificates", json_integer(l ? (json_int_t)l->certificates : 0));
}

/* When the certificate of the list's signer ends. */
static json_t *end_of(const X509 *signer)
{
	int64_t from, to;

	return signer && pki_certificate_validity(signer, &from, &to) == 0 ? json_time(to)
									   : json_null();
}

/* A line of the contract; "role" and "signer_until" are ours. */
static json_t *line_of(const struct list_result *r)
{
	static const char *const ROLES[] = {
		[ROLE_LIST] = "list",
		[ROLE_LIST_OF_LISTS] = "lotl",
		[ROLE_PIVOT] = "pivot",
		[ROLE_THIRD_COUNTRY] = "third-country",
	};
	_cleanup_(freep) char *signer =
		r->signer ? pki_name_text(X509_get_subject_name(r->signer)) : NULL;
	json_t *line = json_object();

	json_object_set_new(line, "role", json_string(ROLES[r->role]));
	json_object_set_new(line, "territory", json_text(r->territory));
	json_object_set_new(line, "url", json_text(r->url));
	json_object_set_new(line, "status", json_string(list_status_text(r->status)));
	json_object_set_new(line, "effect", json_string(r->effect ? "yes" : "no"));
	json_object_set_new(line, "reason", json_text(r->reason));
	set_list(line, r->list);
	json_object_set_new(line, "signer", json_text(signer));
	json_object_set_new(line, "signer_until", end_of(r->signer));
	return line;
}

int list_results_write(const struct list_results *all, struct buf *to)
{
	for (size_t i = 0; i < all->count; i++) {
		json_t *line = line_of(&all->list[i]);
		_cleanup_(freep) char *text = json_dumps(line, JSON_COMPACT);

		json_decref(line);
		if (!text)
			return -ENOMEM;
		buf_add_str(to, text);
		buf_add(to, "\n", 1);
	}
	return to->error;
}
