/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/handlers.h"

#include "common/clock.h"
#include "common/json.h"
#include "intake/http.h"

#define DAY_S 86400

static bool over(const char *sunset, int64_t now)
{
	int64_t t;

	return sunset && clock_parse(sunset, &t) == 0 && now >= t;
}

/* Where nothing that is taken is real, what is experimental is, too. */
static bool unreal(const struct exchange *x)
{
	return x->server->test || x->partner->sandbox;
}

/* The types that the partner may send, and until when; null where no end is set. */
static json_t *versions(const struct exchange *x, int64_t now)
{
	const struct policy *policy = x->snapshot->policy;
	const struct partner *p = x->partner;
	json_t *list = json_array();

	for (size_t i = 0; list && i < p->type_count; i++) {
		const char *type = p->types[i], *sunset = policy_sunset(policy, type);
		bool experimental = policy_type_experimental(policy, type);
		bool taken =
			!experimental || unreal(x) || policy_partner_tries_type(p, type);

		json_array_append_new(list,
			json_pack("{s:o, s:o, s:b, s:b}", "type", json_text(type),
				"sunset", json_text(sunset), "experimental", experimental,
				"taken", taken && !over(sunset, now)));
	}
	return list;
}

/* The versions of the schema, by the namespace that the root of a document has. */
static json_t *schema_versions(const struct exchange *x, int64_t now)
{
	const struct policy *policy = x->snapshot->policy;
	json_t *list = json_array();

	for (size_t i = 0; list && i < policy_version_count(policy); i++) {
		struct policy_version v;
		bool taken;

		policy_version(policy, i, &v);
		taken = !v.experimental || unreal(x) ||
			policy_partner_tries_version(x->partner, v.name);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:b, s:b}", "version", v.name,
				"namespace", v.root, "sunset", v.sunset, "experimental",
				v.experimental, "taken", taken && !over(v.sunset, now)));
	}
	return list;
}

static json_t *clock_of(struct exchange *x, int64_t now)
{
	const char *date = scgi_get(&x->request->scgi, "HTTP_DATE");
	char text[CLOCK_TEXT_SIZE];
	json_t *clock;
	int64_t theirs;

	clock_format(now, text);
	clock = json_pack("{s:s}", "time", text);
	if (clock && http_date(date, &theirs) == 0)
		json_object_set_new(clock, "skew_seconds", json_integer(theirs - now));
	return clock;
}

static json_t *certificate_of(const struct exchange *x, int64_t now)
{
	const struct transport_time *t =
		policy_transport_time(x->partner, x->certificate);
	char until[CLOCK_TEXT_SIZE];
	json_t *certificate;

	clock_format(x->certificate_until, until);
	certificate = json_pack("{s:s, s:s, s:I}", "sha256", x->certificate, "not_after",
		until, "days_left", (json_int_t)((x->certificate_until - now) / DAY_S));
	if (certificate && t && t->until)
		json_object_set_new(certificate, "enrolled_until", json_time(t->until));
	return certificate;
}

/* Whom the gate would tell; what is wrong in it the partner sees. */
static json_t *contacts_of(const struct partner *p)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < p->contact_count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s}", "name", p->contacts[i].name,
				"purpose", p->contacts[i].purpose, "email",
				p->contacts[i].email, "phone", p->contacts[i].phone));
	return list;
}

void get_status(struct exchange *x)
{
	const char *public = x->snapshot->public.sha256;
	int64_t now = clock_now();
	json_t *body = json_pack(
		"{s:o, s:b, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:s, s:s?}", "instance",
		json_text(x->server->name), "test", x->server->test, "software",
		SEALGATE_VERSION, "partner", json_text(x->partner->name), "sandbox",
		x->partner->sandbox, "clock", clock_of(x, now), "certificate",
		certificate_of(x, now), "versions", versions(x, now), "schema_versions",
		schema_versions(x, now), "policy_digest",
		policy_digest(x->snapshot->policy), "policy_public",
		*public ? public : NULL);

	if (body) {
		json_object_set_new(body, "quotas", quota_report(x, now));
		json_object_set_new(body, "contacts", contacts_of(x->partner));
	}
	response_json(x->response, 200, TYPE_JSON, body);
}
