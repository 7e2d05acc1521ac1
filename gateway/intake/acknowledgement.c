/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/acknowledgement.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/limits.h"
#include "evidence/receipt.h"
#include "evidence/receipt_seal.h"

#include <errno.h>

#define XML_MAX (4u * LIMIT_RECEIPT)

/* All of it is written as Canonical XML has it: it is signed without being parsed. */
static const char OPENING[] =
	"<rsm:SPSAcknowledgement"
	" xmlns:ram=\"urn:un:unece:uncefact:data:standard:"
	"ReusableAggregateBusinessInformationEntity:21\""
	" xmlns:rsm=\"urn:un:unece:uncefact:data:standard:SPSAcknowledgement:17\""
	" xmlns:udt=\"urn:un:unece:uncefact:data:standard:UnqualifiedDataType:21\">\n"
	" <rsm:SPSAcknowledgementDocument>\n";

static const char CLOSING[] = " </rsm:SPSAcknowledgementDocument>\n"
			      "</rsm:SPSAcknowledgement>";

/* "" instead of NULL; what XML 1.0 cannot hold is no part of a claim that verify passed.
 */
static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_of(object, key);

	return text ? text : "";
}

static void add_element(
	struct buf *b, const char *open, const char *text, const char *close)
{
	buf_add_str(b, open);
	canonical_text(b, text);
	buf_add_str(b, close);
}

/* Code list 4405: 39 approved; 42 approval pending. */
static void add_head(struct buf *b, const json_t *claims)
{
	bool sandbox = json_is_true(json_object_get(claims, "sandbox"));
	bool held = strcmp(text_of(claims, sandbox ? "decision" : "state"), "held") == 0;

	add_element(b, "  <ram:IssueDateTime><udt:DateTime>", text_of(claims, "received"),
		"</udt:DateTime></ram:IssueDateTime>\n");
	buf_addf(b, "  <ram:StatusCode name=\"%s%s</ram:StatusCode>\n",
		sandbox ? "SANDBOX, not real: " : "",
		held ? "Approval pending\">42" : "Approved\">39");
	buf_addf(b, "  <ram:ReasonInformation languageID=\"en\">%s",
		held ? "Received; the decision is pending." : "Received and validated.");
	if (sandbox || json_is_true(json_object_get(claims, "test")))
		add_element(b, " ", text_of(claims, "notice"), "");
	buf_add_str(b,
		" The next ReasonInformation is the signed receipt (RFC 7515, compact "
		"serialisation).</ram:ReasonInformation>\n");
}

static void add_reference(struct buf *b, const json_t *claims, const json_t *facts)
{
	const char *type = text_of(facts, "type_code"),
		   *issued = text_of(facts, "issued");

	buf_add_str(b, "  <ram:ReferenceSPSReferencedDocument>\n");
	if (*issued)
		add_element(
			b, "   <ram:IssueDateTime>", issued, "</ram:IssueDateTime>\n");
	if (*type)
		add_element(b, "   <ram:TypeCode>", type, "</ram:TypeCode>\n");
	buf_add_str(b, "   <ram:RelationshipTypeCode name=\"Original\">AWR"
		       "</ram:RelationshipTypeCode>\n");
	buf_add_str(b, "   <ram:ID schemeAgencyID=\"");
	canonical_value(b, text_of(claims, "country"));
	buf_add_str(b, "\">");
	add_element(b, "", text_of(claims, "number"), "</ram:ID>\n");
	add_element(b, "   <ram:Information languageID=\"en\">Document ",
		text_of(claims, "id"), " of the gate, status ");
	add_element(b, "", text_of(claims, "status"), ", SHA-256 ");
	add_element(b, "", text_of(claims, "sha256"), "</ram:Information>\n");
	buf_add_str(b, "  </ram:ReferenceSPSReferencedDocument>\n");
}

int acknowledgement_write(struct span receipt, const json_t *facts, char **ret_xml)
{
	_cleanup_json_ json_t *claims = receipt_claims_read(receipt);
	_cleanup_(freep) char *compact = NULL;
	_cleanup_buf_ struct buf b;

	buf_init(&b, XML_MAX);
	if (!claims || receipt_compact(receipt, &compact) < 0)
		return -EBADMSG;
	buf_add_str(&b, OPENING);
	add_head(&b, claims);
	add_element(
		&b, "  <ram:ReasonInformation>", compact, "</ram:ReasonInformation>\n");
	add_reference(&b, claims, facts);
	buf_add_str(&b, CLOSING);
	*ret_xml = buf_take(&b, NULL);
	return *ret_xml ? 0 : -ENOMEM;
}
