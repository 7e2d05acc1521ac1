/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/crl_ends.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/freshness.h"
#include "pki/material.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400

static const char *const STANDINGS[] = { [CRL_END_NONE] = "none",
	[CRL_END_ENDED] = "ended",
	[CRL_END_NEARLY] = "nearly",
	[CRL_END_SOON] = "soon",
	[CRL_END_GOOD] = "good" };

/* The worst first. */
static const enum crl_end ORDER[] = { CRL_END_ENDED, CRL_END_NEARLY, CRL_END_NONE,
	CRL_END_SOON };

static const struct {
	const char *name, *key;
} LISTENERS[] = { { "partners", "tls.partner_ca" }, { "customs", "tls.customs_ca" },
	{ "operators", "tls.operator_ca" } };

enum crl_end crl_end_at(int64_t from, int64_t until, int64_t at)
{
	int64_t left = until - at, period = until - from;

	if (left < 0)
		return CRL_END_ENDED;
	if (left < period / CRL_ENDS_NEARLY)
		return CRL_END_NEARLY;
	return left < period / CRL_ENDS_SOON ? CRL_END_SOON : CRL_END_GOOD;
}

/* The dates of one that speaks for an authority; a delta says nothing by itself. */
static bool dates_of(
	X509_CRL *crl, X509 *authority, int64_t at, int64_t *ret_from, int64_t *ret_until)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	const char *reason;

	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(authority)) !=
			0 ||
		X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0 ||
		pki_asn1_time(X509_CRL_get0_lastUpdate(crl), ret_from) < 0 ||
		*ret_from > at || pki_crl_verify(crl, authority, *ret_from, &reason) != 1)
		return false;
	*ret_until = *ret_from + PKI_FRESH_SECONDS;
	return !next || pki_asn1_time(next, ret_until) == 0;
}

/* The one that ends last: an older one that is in date lets in, too. */
static bool last_of(const struct pki_material *m, X509 *authority, int64_t at,
	int64_t *ret_from, int64_t *ret_until)
{
	bool found = false;

	for (int i = 0; i < sk_X509_CRL_num(m->crls); i++) {
		int64_t from, until;

		if (!dates_of(sk_X509_CRL_value(m->crls, i), authority, at, &from,
			    &until) ||
			(found && until <= *ret_until))
			continue;
		*ret_from = from;
		*ret_until = until;
		found = true;
	}
	return found;
}

/* A root above the authorities that issue. */
static bool is_above(const struct pki_material *m, X509 *authority)
{
	for (int i = 0; i < sk_X509_num(m->anchors); i++) {
		X509 *other = sk_X509_value(m->anchors, i);

		if (X509_cmp(other, authority) != 0 &&
			X509_check_issued(authority, other) == X509_V_OK)
			return true;
	}
	return false;
}

static int add_authority(const struct pki_material *m, X509 *authority,
	const char *listener, int64_t at, json_t *list)
{
	_cleanup_(freep) char *name = pki_name_text(X509_get_subject_name(authority));
	int64_t from = 0, until = 0;
	bool found = last_of(m, authority, at, &from, &until);
	enum crl_end end = found ? crl_end_at(from, until, at) : CRL_END_NONE;

	if (!name)
		return -ENOMEM;
	if (!found && is_above(m, authority))
		return 0;
	return json_array_append_new(
		list, json_pack("{s:s, s:o, s:o, s:o, s:o, s:s}", "listener", listener,
			      "authority", json_text(name), "this_update",
			      found ? json_time(from) : json_null(), "next_update",
			      found ? json_time(until) : json_null(), "days_left",
			      found ? json_integer((until - at) / DAY) : json_null(),
			      "standing", STANDINGS[end]));
}

static int add_listener(const struct instance *instance, size_t which,
	const char *revocation, int64_t at, json_t *list)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	_cleanup_(freep) char *error = NULL, *more = NULL;
	char authorities[PATH_MAX];
	int r = instance_path(instance,
		config_string(instance->config, LISTENERS[which].key), authorities);

	if (!m || r < 0 || pki_material_load(m, PKI_ANCHORS, authorities, &error) < 0 ||
		pki_material_load(m, PKI_REVOCATION, revocation, &more) < 0)
		return -EINVAL;
	for (int i = 0; r == 0 && i < sk_X509_num(m->anchors); i++)
		r = add_authority(
			m, sk_X509_value(m->anchors, i), LISTENERS[which].name, at, list);
	return r;
}

json_t *crl_ends_report(const struct instance *instance, int64_t at)
{
	json_t *list = json_array();
	char revocation[PATH_MAX];
	int r = instance_path(instance, "state/trust/revocation", revocation);

	for (size_t i = 0; r == 0 && i < sizeof(LISTENERS) / sizeof(LISTENERS[0]); i++)
		r = add_listener(instance, i, revocation, at, list);
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

static bool stands(const json_t *one, enum crl_end end)
{
	const char *standing = json_string_of(one, "standing");

	return standing && strcmp(standing, STANDINGS[end]) == 0;
}

const json_t *crl_ends_worst(const json_t *report)
{
	for (size_t o = 0; o < sizeof(ORDER) / sizeof(ORDER[0]); o++) {
		const json_t *one;
		size_t i;

		json_array_foreach(report, i, one) if (stands(one, ORDER[o])) return one;
	}
	return NULL;
}

bool crl_ends_fails(const json_t *one)
{
	return stands(one, CRL_END_ENDED) || stands(one, CRL_END_NEARLY);
}

void crl_ends_say(const json_t *one, char ret_text[CRL_ENDS_SAYS])
{
	const char *listener = json_string_of(one, "listener");
	const char *authority = json_string_of(one, "authority");

	if (stands(one, CRL_END_NONE))
		(void)snprintf(ret_text, CRL_ENDS_SAYS,
			"%s: there is no CRL of %.200s: where one is required nobody of "
			"it is let in",
			listener, authority);
	else
		(void)snprintf(ret_text, CRL_ENDS_SAYS,
			"%s: the CRL of %.200s %s %s: nobody of it is let in %s",
			listener, authority,
			stands(one, CRL_END_ENDED) ? "ended at" : "ends at",
			json_string_of(one, "next_update"),
			stands(one, CRL_END_ENDED) ? "any more" : "from then on");
}

int crl_ends_warn(json_t *list, const json_t *report)
{
	const json_t *one;
	size_t i;

	json_array_foreach(report, i, one)
	{
		char text[CRL_ENDS_SAYS];

		if (stands(one, CRL_END_GOOD))
			continue;
		crl_ends_say(one, text);
		if (json_array_append_new(list,
			    json_pack("{s:s, s:s, s:o}", "code", "crl", "destination", "",
				    "message", json_text(text))) < 0)
			return -ENOMEM;
	}
	return 0;
}
