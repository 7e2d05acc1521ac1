/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/seal_check.h"

#include "common/encode.h"
#include "evidence/asic.h"
#include "evidence/seal_policy.h"
#include "pki/path.h"
#include "xml/node.h"

#include <errno.h>

#define NS_ASIC "http://uri.etsi.org/02918/v1.2.1#"
#define NS_DS "http://www.w3.org/2000/09/xmldsig#"
#define NS_XADES "http://uri.etsi.org/01903/v1.3.2#"
#define TYPE_PROPERTIES "http://uri.etsi.org/01903#SignedProperties"
#define DIGEST_SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"

/* One departure from a seal, at a node. */
static void depart(struct findings *f, const char *code, const xmlNode *node,
	const char *received, const char *message)
{
	_cleanup_(freep) char *where = node ? xml_path_of(node) : NULL;

	findings_add(f, code, where, received, message);
}

static bool text_is(const xmlNode *element, const char *want)
{
	_cleanup_(freep) char *text = xml_text(element);

	return text && strcmp(text, want) == 0;
}

/* The one child of that name, or NULL when there is none or another beside it. */
static const xmlNode *only(const xmlNode *parent, const char *ns, const char *name)
{
	return parent && xml_count(parent, ns, name) == 1 ? xml_child(parent, ns, name)
							  : NULL;
}

/* What ties the signature's outer identifier, which is not signed, to the document. */
static void check_root(
	const struct xades_report *report, const char *document_id, struct findings *f)
{
	const xmlNode *root = xmlDocGetRootElement(report->doc);
	const char *id = report->signatures[0].id;

	if (!xml_is(root, NS_ASIC, "XAdESSignatures"))
		depart(f, "evidence.signature-file", root, NULL,
			"The root must be asic:XAdESSignatures.");
	if (!document_id || !id ||
		strncmp(id, SEAL_ID_PREFIX, strlen(SEAL_ID_PREFIX)) != 0 ||
		strcmp(id + strlen(SEAL_ID_PREFIX), document_id) != 0)
		depart(f, "evidence.signature-file", report->signatures[0].element, id,
			"The identifier of the seal is not that of the receipt's "
			"document.");
}

/* The part that a reference is over as plain octets, or ASIC_PARTS. */
static int part_of(const xmlNode *reference)
{
	_cleanup_(freep) char *uri = xml_attribute(reference, "URI");

	for (int i = 0; uri && i < ASIC_SIGNATURES; i++)
		if (strcmp(uri, asic_name((enum asic_part)i)) == 0)
			return i;
	return ASIC_PARTS;
}

/* True for the reference over the signed properties that are read here. */
static bool is_properties(const xmlNode *reference, const xmlNode *properties)
{
	_cleanup_(freep) char *type = xml_attribute(reference, "Type");
	_cleanup_(freep) char *uri = xml_attribute(reference, "URI");
	_cleanup_(freep) char *id = properties ? xml_attribute(properties, "Id") : NULL;

	return type && uri && id && strcmp(type, TYPE_PROPERTIES) == 0 && uri[0] == '#' &&
	       strcmp(uri + 1, id) == 0;
}

static void check_coverage(const xmlNode *signed_info, const struct asic *parts,
	const xmlNode *of_seal, struct findings *f)
{
	int seen[ASIC_SIGNATURES] = { 0 }, properties = 0;
	const xmlNode *r = xml_child(signed_info, NS_DS, "Reference");

	for (; r; r = xml_next(r, NS_DS, "Reference")) {
		int part = part_of(r);

		if (part == ASIC_PARTS && is_properties(r, of_seal) && properties++ == 0)
			continue;
		if (part == ASIC_PARTS || seen[part]++ ||
			!asic_has(parts, (enum asic_part)part) ||
			xml_child(r, NS_DS, "Transforms"))
			depart(f, "evidence.coverage", r, NULL,
				"A reference of the seal must be over the plain octets "
				"of one "
				"part, each part once.");
	}
	for (int i = 0; i < ASIC_SIGNATURES; i++)
		if (!seen[i] && asic_has(parts, (enum asic_part)i))
			depart(f, "evidence.coverage", signed_info,
				asic_name((enum asic_part)i),
				"The seal has no reference over this part.");
	if (!properties)
		depart(f, "evidence.coverage", signed_info, NULL,
			"The seal has no reference over its signed properties.");
}

static void check_commitment(const xmlNode *data_properties, struct findings *f)
{
	const xmlNode *c = only(data_properties, NS_XADES, "CommitmentTypeIndication");
	const xmlNode *id = only(c, NS_XADES, "CommitmentTypeId");
	const xmlNode *uri = only(id, NS_XADES, "Identifier");

	if (!uri || !text_is(uri, SEAL_COMMITMENT) ||
		!only(c, NS_XADES, "AllSignedDataObjects"))
		depart(f, "evidence.commitment", c ? c : data_properties, NULL,
			"The seal must state " SEAL_COMMITMENT " for all it covers.");
}

static bool policy_digest_is(const xmlNode *hash, const uint8_t *want)
{
	const xmlNode *method = only(hash, NS_DS, "DigestMethod");
	_cleanup_(freep) char *algorithm =
		method ? xml_attribute(method, "Algorithm") : NULL;
	_cleanup_(freep) char *text = xml_text(only(hash, NS_DS, "DigestValue"));
	_cleanup_(freep) uint8_t *digest = NULL;
	size_t len;

	return algorithm && strcmp(algorithm, DIGEST_SHA256) == 0 && text &&
	       base64_decode(span_str(text), &digest, &len) == 0 &&
	       span_equal(span_of(digest, len), span_of(want, SHA256_SIZE));
}

static void check_policy(const xmlNode *properties, struct findings *f, char **ret_id)
{
	const xmlNode *p = only(properties, NS_XADES, "SignaturePolicyIdentifier");
	const xmlNode *policy = only(p, NS_XADES, "SignaturePolicyId");
	const xmlNode *id = only(policy, NS_XADES, "SigPolicyId");
	const xmlNode *identifier = only(id, NS_XADES, "Identifier");
	const struct seal_policy *known;

	*ret_id = identifier ? xml_text(identifier) : NULL;
	known = *ret_id ? seal_policy_find(*ret_id) : NULL;
	if (!known)
		depart(f, "evidence.policy", p ? p : properties, *ret_id,
			"The seal names no seal policy that is known here.");
	else if (!policy_digest_is(
			 only(policy, NS_XADES, "SigPolicyHash"), known->sha256))
		depart(f, "evidence.policy", policy, NULL,
			"The digest is not that of the seal policy that is named.");
}

static void check_role(const xmlNode *properties, struct findings *f, char **ret_role)
{
	const xmlNode *r = only(properties, NS_XADES, "SignerRoleV2");
	const xmlNode *roles = only(r, NS_XADES, "ClaimedRoles");
	const xmlNode *role = only(roles, NS_XADES, "ClaimedRole");

	*ret_role = role ? xml_text(role) : NULL;
	if (!*ret_role)
		depart(f, "evidence.commitment", r ? r : properties, NULL,
			"The seal does not say whose seal it is: it needs one claimed "
			"role.");
}

/* Whether a time-stamp that is there is proven, is a matter of anchors: it spoils only
 * what would be a valid seal otherwise. */
static void check_time_stamp(const struct xades_signature *s,
	struct seal_statement *statement, struct findings *f)
{
	const struct seal_policy *policy =
		statement->policy ? seal_policy_find(statement->policy) : NULL;

	statement->bare = !s->timestamp_count && policy && policy->level_b &&
			  statement->role && seal_role_is_level_b(statement->role);
	for (size_t i = 0; i < s->timestamp_count; i++)
		if (strcmp(s->timestamps[i].indication, "FAILED") == 0)
			depart(f, "evidence.level", s->element,
				s->timestamps[i].sub_indication,
				"A time-stamp of the seal is not about it.");
	if (s->indication != XADES_TOTAL_PASSED && s->timestamp_count)
		return;
	for (size_t i = 0; i < s->timestamp_count; i++)
		if (strcmp(s->timestamps[i].type, "SIGNATURE_TIMESTAMP") == 0 &&
			strcmp(s->timestamps[i].indication, "PASSED") == 0)
			return;
	if (statement->bare)
		return;
	depart(f, "evidence.level", s->element, s->level, NULL);
}

static void check_signer(const struct xades_signature *s, struct findings *f)
{
	if (s->signer && !pki_for_documents(s->signer))
		depart(f, "evidence.signer", s->element, NULL, NULL);
}

static const xmlNode *signed_properties(const xmlNode *signature)
{
	const xmlNode *object = only(signature, NS_DS, "Object");
	const xmlNode *q = only(object, NS_XADES, "QualifyingProperties");

	return only(q, NS_XADES, "SignedProperties");
}

size_t seal_detached(const struct asic *parts, struct xades_detached ret[ASIC_SIGNATURES])
{
	size_t count = 0;

	for (int i = 0; i < ASIC_SIGNATURES; i++)
		if (asic_has(parts, (enum asic_part)i))
			ret[count++] = (struct xades_detached){ .name = asic_name((
									enum asic_part)i),
				.data = parts->parts[i] };
	return count;
}

int seal_check(const struct xades_report *report, const struct asic *parts,
	const char *document_id, struct findings *findings,
	struct seal_statement *ret_statement)
{
	const xmlNode *signature, *properties, *of_signature;

	*ret_statement = (struct seal_statement){ 0 };
	if (report->count != 1 || !report->doc || !report->signatures[0].element) {
		depart(findings, "evidence.signature-file", NULL, NULL, NULL);
		return 0;
	}
	signature = report->signatures[0].element;
	properties = signed_properties(signature);
	of_signature = only(properties, NS_XADES, "SignedSignatureProperties");
	check_root(report, document_id, findings);
	check_coverage(only(signature, NS_DS, "SignedInfo"), parts, properties, findings);
	check_commitment(
		only(properties, NS_XADES, "SignedDataObjectProperties"), findings);
	check_policy(of_signature, findings, &ret_statement->policy);
	check_role(of_signature, findings, &ret_statement->role);
	check_time_stamp(&report->signatures[0], ret_statement, findings);
	check_signer(&report->signatures[0], findings);
	return findings->out_of_memory ? -ENOMEM : 0;
}

void seal_statement_done(struct seal_statement *s)
{
	free(s->role);
	free(s->policy);
	*s = (struct seal_statement){ 0 };
}
