/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/validate.h"

#include "common/json.h"
#include "pki/certificate.h"
#include "pki/path.h"

static void signature_done(struct xades_signature *s)
{
	free(s->file);
	free(s->id);
	X509_free(s->signer);
	sk_X509_pop_free(s->chain, X509_free);
	for (size_t i = 0; i < s->timestamp_count; i++) {
		X509_free(s->timestamps[i].signer);
		sk_X509_pop_free(s->timestamps[i].chain, X509_free);
	}
	free(s->timestamps);
	free(s->signed_octets);
}

void xades_report_free(struct xades_report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		signature_done(&r->signatures[i]);
	free(r->signatures);
	findings_done(&r->findings);
	pki_material_free(r->material);
	xmlFreeDoc(r->doc);
	for (size_t i = 0; i < r->tree_count; i++)
		xmlFreeDoc(r->trees[i]);
	free(r->trees);
	free(r);
}

const char *xades_indication_text(enum xades_indication i)
{
	switch (i) {
	case XADES_TOTAL_PASSED:
		return "TOTAL-PASSED";
	case XADES_INDETERMINATE:
		return "INDETERMINATE";
	case XADES_TOTAL_FAILED:
		return "TOTAL-FAILED";
	case XADES_UNDECIDED:
	default:
		return "UNDECIDED";
	}
}

static json_t *signer_json(const X509 *x)
{
	_cleanup_(freep) char *subject = NULL, *issuer = NULL, *serial = NULL;
	char sha256[SHA256_TEXT_SIZE], key[SHA256_TEXT_SIZE];

	if (!x)
		return json_null();
	subject = pki_name_text(X509_get_subject_name(x));
	issuer = pki_name_text(X509_get_issuer_name(x));
	serial = pki_serial_text(x);
	if (pki_certificate_sha256(x, sha256) < 0 ||
		pki_certificate_key_sha256(x, key) < 0)
		return NULL;
	return json_pack("{s:o,s:o,s:o,s:s,s:s}", "subject", json_text(subject), "issuer",
		json_text(issuer), "serial", json_text(serial), "sha256", sha256,
		"key_sha256", key);
}

static json_t *timestamps_json(const struct xades_signature *s)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < s->timestamp_count; i++) {
		const struct xades_timestamp *t = &s->timestamps[i];

		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s,s:o,s:s}", "type", t->type, "indication",
				t->indication, "sub_indication", t->sub_indication,
				"gen_time", json_time(t->gen_time), "qualification",
				t->qualification));
	}
	return list;
}

static json_t *signature_json(const struct xades_signature *s)
{
	json_t *json = json_pack(
		"{s:o,s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:b,s:o,s:s,s:o,s:o,s:s}", "id",
		json_text(s->id), "role", s->counter ? "counter" : "main", "indication",
		xades_indication_text(s->indication), "sub_indication", s->sub_indication,
		"level", s->level, "sig_value_ok", s->sig_value_ok, "refs_found",
		s->refs_found, "refs_intact", s->refs_intact, "core_valid", s->core_valid,
		"signer", signer_json(s->signer), "qualification", s->qualification,
		"best_signature_time", json_time(s->best_signature_time), "timestamps",
		timestamps_json(s), "scope", s->scope);

	if (json && ((s->file && json_object_set_new(json, "signature_file",
					 json_text(s->file)) < 0) ||
			    (s->trust && json_object_set_new(json, "trust",
						 json_text(s->trust)) < 0))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

json_t *xades_signatures_to_json(const struct xades_report *r)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < r->count; i++)
		if (json_array_append_new(list, signature_json(&r->signatures[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}
