/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/buf.h"
#include "common/json.h"

#include <string.h>

#define METRICS_MAX 262144u
#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

/* {state: count} as name{label...,state="..."} */
static void states(struct buf *b, const char *name, const char *label, const char *value,
	json_t *counts)
{
	const char *state;
	json_t *count;

	json_object_foreach(counts, state, count)
	{
		if (!json_is_integer(count) || strcmp(state, "oldest") == 0)
			continue;
		buf_addf(b, "%s{", name);
		if (label)
			buf_addf(b, "%s=\"%s\",", label, value);
		buf_addf(b, "state=\"%s\"} %lld\n", state,
			(long long)json_integer_value(count));
	}
}

/* What is not known has no value. */
static void forecast_metrics(struct buf *b, json_t *forecast)
{
	const json_t *hours = json_object_get(forecast, "disk_hours"), *left;
	const char *destination;
	json_t *f;

	family(b, "sealgate_disk_hours_left", "gauge",
		"Hours until the disk is full, at the rate of the last hour.");
	if (json_is_real(hours))
		buf_addf(b, "sealgate_disk_hours_left %.1f\n", json_real_value(hours));
	family(b, "sealgate_drain_seconds", "gauge",
		"Seconds until nothing is open for a destination, -1 when more comes "
		"than "
		"goes.");
	json_object_foreach(json_object_get(forecast, "destinations"), destination, f)
	{
		left = json_object_get(f, "drain_s");
		if (json_is_integer(left))
			buf_addf(b, "sealgate_drain_seconds{destination=\"%s\"} %lld\n",
				destination, (long long)json_integer_value(left));
	}
}

/* A sum that is still being made has no value. */
static void legal_metrics(struct buf *b, const json_t *legal)
{
	const json_t *documents = json_object_get(legal, "documents");
	const json_t *holds = json_object_get(legal, "holds");

	family(b, "sealgate_legal_holds", "gauge", "Legal holds in force.");
	if (json_is_integer(holds))
		buf_addf(b, "sealgate_legal_holds %lld\n",
			(long long)json_integer_value(holds));
	family(b, "sealgate_legal_hold_documents", "gauge",
		"Documents that a legal hold keeps from being erased.");
	if (json_is_integer(documents))
		buf_addf(b, "sealgate_legal_hold_documents %lld\n",
			(long long)json_integer_value(documents));
}

/* Each state of each breaker, 1 for the one that it has. */
static void breaker_metrics(struct buf *b, json_t *breakers)
{
	const char *destination;
	json_t *one;

	family(b, "sealgate_breaker", "gauge",
		"Whether attempts go to a destination, as sealgate-forward last said: 1 "
		"for "
		"the state that its breaker has.");
	json_object_foreach(breakers, destination, one)
	{
		for (int s = BREAKER_CLOSED; s < BREAKER_STATES; s++) {
			const char *text = breaker_state_text((enum breaker_state)s);

			buf_addf(b,
				"sealgate_breaker{destination=\"%s\",state=\"%s\"} %d\n",
				destination, text,
				strcmp(json_string_of(one, "state"), text) == 0);
		}
	}
}

/* Of the sealed heads, and of those in the second folder. */
static void head_metrics(struct buf *b, const json_t *heads)
{
	static const char *const KEYS[] = { "sealed", "exported" };

	family(b, "sealgate_head_age_seconds", "gauge",
		"Age of the newest head of the audit chain that is sealed, or exported.");
	for (size_t i = 0; i < 2; i++) {
		const json_t *age =
			json_object_get(json_object_get(heads, KEYS[i]), "age_s");

		if (json_is_integer(age))
			buf_addf(b, "sealgate_head_age_seconds{is=\"%s\"} %lld\n",
				KEYS[i], (long long)json_integer_value(age));
	}
	family(b, "sealgate_head_waiting_seconds", "gauge",
		"Seconds that a newer one has waited to be sealed, or exported.");
	for (size_t i = 0; i < 2; i++) {
		const json_t *waiting =
			json_object_get(json_object_get(heads, KEYS[i]), "waiting_s");

		if (json_is_integer(waiting))
			buf_addf(b, "sealgate_head_waiting_seconds{is=\"%s\"} %lld\n",
				KEYS[i], (long long)json_integer_value(waiting));
	}
}

static void queue_metrics(struct buf *b, json_t *figures)
{
	json_t *deliveries = json_object_get(figures, "deliveries"), *counts;
	const char *destination;

	family(b, "sealgate_documents", "gauge", "Documents by state.");
	states(b, "sealgate_documents", NULL, NULL,
		json_object_get(figures, "documents"));
	family(b, "sealgate_deliveries", "gauge", "Deliveries by destination and state.");
	json_object_foreach(deliveries, destination, counts)
		states(b, "sealgate_deliveries", "destination", destination, counts);
	family(b, "sealgate_delivery_oldest_seconds", "gauge",
		"Age of the oldest open delivery of a destination.");
	json_object_foreach(deliveries, destination, counts)
	{
		const json_t *oldest = json_object_get(counts, "oldest");

		if (json_is_integer(oldest))
			buf_addf(b,
				"sealgate_delivery_oldest_seconds{destination=\"%s\"} "
				"%lld\n",
				destination, (long long)json_integer_value(oldest));
	}
	breaker_metrics(b, json_object_get(figures, "breakers"));
	forecast_metrics(b, json_object_get(figures, "forecast"));
	family(b, "sealgate_disk_free_bytes", "gauge", "Room left where the queue is.");
	buf_addf(b, "sealgate_disk_free_bytes %lld\n",
		(long long)json_integer_value(json_object_get(figures, "disk_free")));
	family(b, "sealgate_level_b_documents", "gauge",
		"Documents sealed at level B whose time-stamp is to follow.");
	buf_addf(b, "sealgate_level_b_documents %lld\n",
		(long long)json_integer_value(json_object_get(
			json_object_get(figures, "renewals"), "level_b")));
	family(b, "sealgate_renewals_failing", "gauge",
		"Containers that did not get what proves them longer, four times or "
		"more.");
	buf_addf(b, "sealgate_renewals_failing %lld\n",
		(long long)json_integer_value(json_object_get(
			json_object_get(figures, "renewals"), "failing")));
	legal_metrics(b, json_object_get(figures, "legal"));
	head_metrics(b, json_object_get(figures, "heads"));
	family(b, "sealgate_releases_in_review", "gauge",
		"Releases that wait for a second person.");
	buf_addf(b, "sealgate_releases_in_review %lld\n",
		(long long)json_integer_value(json_object_get(figures, "reviews")));
	family(b, "sealgate_audit_records", "counter", "Records of the audit chain.");
	buf_addf(b, "sealgate_audit_records_total %lld\n",
		(long long)json_integer_value(
			json_object_get(json_object_get(figures, "audit"), "position")));
}

static void signer_metrics(struct buf *b, json_t *signer)
{
	json_t *roles = json_object_get(signer, "roles"), *role;
	size_t i;

	family(b, "sealgate_signatures", "counter", "Signatures by role.");
	json_array_foreach(roles, i, role)
		buf_addf(b, "sealgate_signatures_total{role=\"%s\"} %lld\n",
			json_string_of(role, "role"),
			(long long)json_integer_value(json_object_get(role, "count")));
	buf_addf(b, "sealgate_signatures_total{role=\"callback\"} %lld\n",
		(long long)json_integer_value(json_object_get(signer, "callbacks")));
	if (json_integer_value(json_object_get(signer, "callbacks_most")) > 0) {
		family(b, "sealgate_callback_signatures_left", "gauge",
			"Call-backs that may still be signed by the receipts' key.");
		buf_addf(b, "sealgate_callback_signatures_left %lld\n",
			(long long)(json_integer_value(
					    json_object_get(signer, "callbacks_most")) -
				    json_integer_value(
					    json_object_get(signer, "callbacks"))));
	}
	family(b, "sealgate_key_days_left", "gauge",
		"Days until a role's certificate ends.");
	json_array_foreach(
		roles, i, role) if (json_is_number(json_object_get(role, "days_left")))
		buf_addf(b, "sealgate_key_days_left{role=\"%s\"} %.0f\n",
			json_string_of(role, "role"),
			json_number_value(json_object_get(role, "days_left")));
	family(b, "sealgate_token_present", "gauge", "1 while the token signs.");
	buf_addf(b, "sealgate_token_present %d\n",
		json_is_false(json_object_get(signer, "away")));
}

/* What is not known has no value. */
static void certificate_metrics(struct buf *b, const json_t *roles)
{
	const json_t *one;
	size_t i;

	family(b, "sealgate_certificate_good", "gauge",
		"1 while a role's certificate leads to an anchor and is not revoked.");
	json_array_foreach(roles, i, one)
		buf_addf(b, "sealgate_certificate_good{role=\"%s\"} %d\n",
			json_string_of(one, "role"),
			strcmp(json_string_of(one, "standing"), "good") == 0);
}

/* Of a label, which may hold anything: what would end it, or the line, is not shown. */
static void add_label(struct buf *b, const char *text)
{
	for (const char *c = text ? text : ""; *c; c++) {
		char one = *c;

		if (one == '"' || one == '\\' || (one >= 0 && one < ' '))
			one = '?';
		buf_add(b, &one, 1);
	}
}

/* What is not there has no value. */
static void crl_metrics(struct buf *b, const json_t *crls)
{
	const json_t *one;
	size_t i;

	family(b, "sealgate_crl_days_left", "gauge",
		"Days until the CRL of a listener's authority ends, after which nobody "
		"of it is let in.");
	json_array_foreach(crls, i, one)
	{
		const json_t *days = json_object_get(one, "days_left");

		if (!json_is_integer(days))
			continue;
		buf_addf(b, "sealgate_crl_days_left{listener=\"%s\",authority=\"",
			json_string_of(one, "listener"));
		add_label(b, json_string_of(one, "authority"));
		buf_addf(b, "\"} %lld\n", (long long)json_integer_value(days));
	}
}

static void check_metrics(
	struct buf *b, const struct visit *v, const json_t *signer, const json_t *figures)
{
	_cleanup_json_ json_t *checks = health_checks(v, signer, figures);
	const char *name;
	json_t *c;

	family(b, "sealgate_check", "gauge", "1 while the check of /health passes.");
	json_object_foreach(checks, name, c)
		buf_addf(b, "sealgate_check{check=\"%s\"} %d\n", name,
			json_is_true(json_object_get(c, "ok")));
	certificate_metrics(
		b, json_object_get(json_object_get(checks, "certificates"), "roles"));
	crl_metrics(b, json_object_get(json_object_get(checks, "revocation"), "crls"));
}

void metrics_get(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *figures = queue_figures(v), *signer = signer_state(v);
	struct buf b;

	(void)rest;
	buf_init(&b, METRICS_MAX);
	family(&b, "sealgate_up", "gauge", "1 while the named program answers.");
	buf_addf(&b, "sealgate_up{program=\"queued\"} %d\n", figures != NULL);
	buf_addf(&b, "sealgate_up{program=\"signer\"} %d\n", signer != NULL);
	check_metrics(&b, v, signer, figures);
	if (figures)
		queue_metrics(&b, figures);
	if (signer)
		signer_metrics(&b, signer);
	buf_add_str(&b, "# EOF\n");
	response_text(v->response, 200, TYPE_OPENMETRICS, buf_take(&b, NULL));
	buf_done(&b);
}
