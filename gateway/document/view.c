/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/view.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "document/sps.h"
#include "xml/node.h"

#include <stdio.h>
#include <string.h>

enum kind {
	TEXT,	 /* of the first element */
	TEXTS,	 /* of every one */
	TIME,	 /* RFC 3339; as written when it is none */
	MEASURE, /* number and unit */
	GROUP,	 /* of the first element, by rows */
	GROUPS,	 /* of every one */
	SELF,	 /* the same element, by rows: a group that only the view has */
	OWN_ID,	 /* the ID of the reference that is the document's own, in TRACES */
};

/* A fact: its key, the element (a path of local names), how it is read. */
struct row {
	const char *key, *path;
	enum kind kind;
	const struct row *rows;
};

struct reading {
	size_t octets; /* of texts so far */
	bool cut;
};

static const struct row PLACE[] = {
	{ "id", "ID", TEXT, NULL },
	{ "name", "Name", TEXTS, NULL },
	{ 0 },
};

static const struct row ADDRESS[] = {
	{ "line", "LineOne", TEXT, NULL },
	{ "line_2", "LineTwo", TEXT, NULL },
	{ "line_3", "LineThree", TEXT, NULL },
	{ "postcode", "PostcodeCode", TEXT, NULL },
	{ "city", "CityName", TEXT, NULL },
	{ "region", "CountrySubDivisionName", TEXT, NULL },
	{ "country", "CountryID", TEXT, NULL },
	{ 0 },
};

static const struct row PARTY[] = {
	{ "id", "ID", TEXT, NULL },
	{ "name", "Name", TEXT, NULL },
	{ "role", "RoleCode", TEXT, NULL },
	{ "kind", "TypeCode", TEXTS, NULL },
	{ "person", "SpecifiedSPSPerson/Name", TEXT, NULL },
	{ "address", "SpecifiedSPSAddress", GROUP, ADDRESS },
	{ 0 },
};

static const struct row REFERENCE[] = {
	{ "id", "ID", TEXT, NULL },
	{ "type", "TypeCode", TEXT, NULL },
	{ "relationship", "RelationshipTypeCode", TEXT, NULL },
	{ "issued", "IssueDateTime", TIME, NULL },
	{ "information", "Information", TEXT, NULL },
	{ 0 },
};

static const struct row NOTE[] = {
	{ "subject", "Subject", TEXT, NULL },
	{ "subject_code", "SubjectCode", TEXT, NULL },
	{ "code", "ContentCode", TEXTS, NULL },
	{ "content", "Content", TEXTS, NULL },
	{ 0 },
};

static const struct row CLAUSE[] = {
	{ "id", "ID", TEXT, NULL },
	{ "content", "Content", TEXTS, NULL },
	{ 0 },
};

static const struct row SIGNATORY[] = {
	{ "type", "TypeCode", TEXT, NULL },
	{ "time", "ActualDateTime", TIME, NULL },
	{ "place", "IssueSPSLocation/Name", TEXT, NULL },
	{ "authority", "ProviderSPSParty/Name", TEXT, NULL },
	{ "person", "ProviderSPSParty/SpecifiedSPSPerson/Name", TEXT, NULL },
	{ "clauses", "IncludedSPSClause", GROUPS, CLAUSE },
	{ 0 },
};

static const struct row SEAL[] = {
	{ "id", "ID", TEXT, NULL },
	{ 0 },
};

static const struct row EQUIPMENT[] = {
	{ "id", "ID", TEXT, NULL },
	{ "seals", "AffixedSPSSeal", GROUPS, SEAL },
	{ 0 },
};

static const struct row MOVEMENT[] = {
	{ "id", "ID", TEXT, NULL },
	{ "mode", "ModeCode", TEXT, NULL },
	{ "name", "UsedSPSTransportMeans/Name", TEXT, NULL },
	{ 0 },
};

static const struct row CLASSIFICATION[] = {
	{ "system", "SystemID", TEXT, NULL },
	{ "system_name", "SystemName", TEXT, NULL },
	{ "code", "ClassCode", TEXT, NULL },
	{ "name", "ClassName", TEXT, NULL },
	{ 0 },
};

static const struct row PACKAGE[] = {
	{ "type", "TypeCode", TEXT, NULL },
	{ "quantity", "ItemQuantity", TEXT, NULL },
	{ "level", "LevelCode", TEXT, NULL },
	{ "marks", "PhysicalSPSShippingMarks/Marking", TEXT, NULL },
	{ 0 },
};

static const struct row CHARACTERISTIC[] = {
	{ "type", "TypeCode", TEXT, NULL },
	{ "description", "Description", TEXTS, NULL },
	{ "value", "ValueMeasure", MEASURE, NULL },
	{ 0 },
};

static const struct row PROCESS[] = {
	{ "type", "TypeCode", TEXT, NULL },
	{ "start", "CompletionSPSPeriod/StartDateTime", TIME, NULL },
	{ "end", "CompletionSPSPeriod/EndDateTime", TIME, NULL },
	{ "duration", "CompletionSPSPeriod/DurationMeasure", MEASURE, NULL },
	{ "characteristics", "ApplicableSPSProcessCharacteristic", GROUPS,
		CHARACTERISTIC },
	{ "country", "OperationSPSCountry/ID", TEXT, NULL },
	{ "operator", "OperatorSPSParty", GROUP, PARTY },
	{ 0 },
};

static const struct row LINE[] = {
	{ "number", "SequenceNumeric", TEXT, NULL },
	{ "description", "Description", TEXTS, NULL },
	{ "common_name", "CommonName", TEXTS, NULL },
	{ "scientific_name", "ScientificName", TEXTS, NULL },
	{ "codes", "ApplicableSPSClassification", GROUPS, CLASSIFICATION },
	{ "net_weight", "NetWeightMeasure", MEASURE, NULL },
	{ "gross_weight", "GrossWeightMeasure", MEASURE, NULL },
	{ "net_volume", "NetVolumeMeasure", MEASURE, NULL },
	{ "gross_volume", "GrossVolumeMeasure", MEASURE, NULL },
	{ "packages", "PhysicalSPSPackage", GROUPS, PACKAGE },
	{ "origin", "OriginSPSCountry", GROUPS, PLACE },
	{ "place_of_origin", "OriginSPSLocation", GROUPS, PLACE },
	{ "batch", "ProductionBatchID", TEXTS, NULL },
	{ "expiry", "ExpiryDateTime", TIME, NULL },
	{ "intended_use", "IntendedUse", TEXTS, NULL },
	{ "equipment", "AssociatedSPSTransportEquipment", GROUPS, EQUIPMENT },
	{ "processes", "AppliedSPSProcess", GROUPS, PROCESS },
	{ "notes", "AdditionalInformationSPSNote", GROUPS, NOTE },
	{ "references", "ReferenceSPSReferencedDocument", GROUPS, REFERENCE },
	{ 0 },
};

#define EXCHANGED "SPSExchangedDocument/"
#define CONSIGNMENT "SPSConsignment/"

static const struct row DATES[] = {
	{ "issued", EXCHANGED "IssueDateTime", TIME, NULL },
	{ "departure", CONSIGNMENT "ExportExitDateTime", TIME, NULL },
	{ "arrival", CONSIGNMENT "AvailabilityDueDateTime", TIME, NULL },
	{ 0 },
};

static const struct row COUNTRIES[] = {
	{ "export", CONSIGNMENT "ExportSPSCountry", GROUP, PLACE },
	{ "re_export", CONSIGNMENT "ReExportSPSCountry", GROUPS, PLACE },
	{ "transit", CONSIGNMENT "TransitSPSCountry", GROUPS, PLACE },
	{ "import", CONSIGNMENT "ImportSPSCountry", GROUP, PLACE },
	{ 0 },
};

static const struct row PLACES[] = {
	{ "loading", CONSIGNMENT "LoadingBaseportSPSLocation", GROUP, PLACE },
	{ "unloading", CONSIGNMENT "UnloadingBaseportSPSLocation", GROUP, PLACE },
	{ "entry", CONSIGNMENT "ExaminationSPSEvent/OccurrenceSPSLocation", GROUP,
		PLACE },
	{ "receipt", CONSIGNMENT "ConsigneeReceiptSPSLocation", GROUP, PLACE },
	{ "transit", CONSIGNMENT "TransitSPSLocation", GROUPS, PLACE },
	{ 0 },
};

static const struct row PARTIES[] = {
	{ "issuer", EXCHANGED "IssuerSPSParty", GROUP, PARTY },
	{ "consignor", CONSIGNMENT "ConsignorSPSParty", GROUP, PARTY },
	{ "consignee", CONSIGNMENT "ConsigneeSPSParty", GROUP, PARTY },
	{ "carrier", CONSIGNMENT "CarrierSPSParty", GROUP, PARTY },
	{ "despatch", CONSIGNMENT "DespatchSPSParty", GROUP, PARTY },
	{ "delivery", CONSIGNMENT "DeliverySPSParty", GROUP, PARTY },
	{ "customs_agent", CONSIGNMENT "CustomsTransitAgentSPSParty", GROUP, PARTY },
	{ 0 },
};

static const struct row CERTIFICATE[] = {
	{ "title", EXCHANGED "Name", TEXTS, NULL },
	{ "number", EXCHANGED "ID", TEXT, NULL },
	{ "type_code", EXCHANGED "TypeCode", TEXT, NULL },
	{ "status", EXCHANGED "StatusCode", TEXT, NULL },
	{ "traces_reference", EXCHANGED "ReferenceSPSReferencedDocument", OWN_ID, NULL },
	{ "description", EXCHANGED "Description", TEXTS, NULL },
	{ "consignment", CONSIGNMENT "ID", TEXT, NULL },
	{ "dates", NULL, SELF, DATES },
	{ "countries", NULL, SELF, COUNTRIES },
	{ "places", NULL, SELF, PLACES },
	{ "parties", NULL, SELF, PARTIES },
	{ "transport", CONSIGNMENT "MainCarriageSPSTransportMovement", GROUPS, MOVEMENT },
	{ "equipment", CONSIGNMENT "UtilizedSPSTransportEquipment", GROUPS, EQUIPMENT },
	{ "lines", CONSIGNMENT "IncludedSPSConsignmentItem/IncludedSPSTradeLineItem",
		GROUPS, LINE },
	{ "notes", EXCHANGED "IncludedSPSNote", GROUPS, NOTE },
	{ "references", EXCHANGED "ReferenceSPSReferencedDocument", GROUPS, REFERENCE },
	{ "signatories", EXCHANGED "SignatorySPSAuthentication", GROUPS, SIGNATORY },
	{ 0 },
};

#define BODY "SPSAcknowledgementDocument/"

static const struct row ACKNOWLEDGEMENT[] = {
	{ "status", BODY "StatusCode", TEXT, NULL },
	{ "issued", BODY "IssueDateTime", TIME, NULL },
	{ "reasons", BODY "ReasonInformation", TEXTS, NULL },
	{ "references", BODY "ReferenceSPSReferencedDocument", GROUPS, REFERENCE },
	{ 0 },
};

static json_t *text_value(struct reading *r, const char *text)
{
	size_t n = strlen(text);

	if (n > VIEW_TEXT_MAX) {
		for (n = VIEW_TEXT_MAX; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
			n--;
		r->cut = true;
	}
	if (r->octets + n > VIEW_OCTETS_MAX) {
		r->cut = true;
		return NULL;
	}
	r->octets += n + 32; /* its key and what JSON adds */
	return json_stringn(text, n);
}

static json_t *text_of(struct reading *r, const xmlNode *element)
{
	_cleanup_(freep) char *text = xml_text(element);

	return text && *text ? text_value(r, text) : NULL;
}

static json_t *time_of(struct reading *r, const xmlNode *element)
{
	_cleanup_(freep) char *written = NULL;
	char text[CLOCK_TEXT_SIZE];
	int64_t t = 0;

	switch (sps_time(element, &t)) {
	case SPS_TIME_OK:
	case SPS_TIME_NO_ZONE:
		clock_format(t, text);
		return text_value(r, text);
	case SPS_TIME_BAD:
		written = (char *)xmlNodeGetContent(element);
		return written ? text_value(r, written) : NULL;
	case SPS_TIME_ABSENT:
	default:
		return NULL;
	}
}

static json_t *measure_of(struct reading *r, const xmlNode *element)
{
	_cleanup_(freep) char *number = xml_text(element);
	_cleanup_(freep) char *unit = xml_attribute(element, "unitCode");
	_cleanup_(freep) char *both = NULL;

	if (!number || !*number ||
		asprintf(&both, "%s%s%s", number, unit ? " " : "", unit ? unit : "") < 0)
		return NULL;
	return text_value(r, both);
}

/* The document's own number there (relationship CAW): what TRACES calls it. */
static json_t *own_id(struct reading *r, const xmlNode *reference)
{
	_cleanup_(freep) char *kind =
		xml_text(sps_child(reference, "RelationshipTypeCode"));

	return kind && strcmp(kind, "CAW") == 0 ? text_of(r, sps_child(reference, "ID"))
						: NULL;
}

static json_t *group_of(
	struct reading *r, const xmlNode *element, const struct row *rows);

static json_t *value_of(struct reading *r, const xmlNode *element, const struct row *row)
{
	switch (row->kind) {
	case TEXT:
	case TEXTS:
		return text_of(r, element);
	case TIME:
		return time_of(r, element);
	case MEASURE:
		return measure_of(r, element);
	case OWN_ID:
		return own_id(r, element);
	case GROUP:
	case GROUPS:
	case SELF:
	default:
		return group_of(r, element, row->rows);
	}
}

static bool many(const struct row *row)
{
	return row->kind == TEXTS || row->kind == GROUPS;
}

/* Walk a path of local names; each element at its end is a value of the list.
 * Return: false when the list needs no more. */
static bool collect(struct reading *r, const xmlNode *parent, const char *path,
	const struct row *row, json_t *list)
{
	size_t n = strcspn(path, "/");
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
	for (const xmlNode *e = sps_child(parent, name); e; e = sps_next(e, name)) {
		json_t *value;

		if (path[n] == '/') {
			if (!collect(r, e, path + n + 1, row, list))
				return false;
			continue;
		}
		if (json_array_size(list) == VIEW_LIST_MAX) {
			r->cut = true;
			return false;
		}
		value = value_of(r, e, row);
		if (value)
			json_array_append_new(list, value);
		if (value && !many(row))
			return false;
	}
	return true;
}

static json_t *read_row(struct reading *r, const xmlNode *element, const struct row *row)
{
	_cleanup_json_ json_t *list = NULL;

	if (row->kind == SELF)
		return group_of(r, element, row->rows);
	list = json_array();
	if (!list)
		return NULL;
	(void)collect(r, element, row->path, row, list);
	if (json_array_size(list) == 0)
		return NULL;
	return many(row) ? json_incref(list) : json_incref(json_array_get(list, 0));
}

/* What is there of the rows: a new object, or NULL when nothing is. */
static json_t *group_of(struct reading *r, const xmlNode *element, const struct row *rows)
{
	json_t *group = json_object();

	for (; group && rows->key; rows++) {
		json_t *value = read_row(r, element, rows);

		if (value)
			json_object_set_new(group, rows->key, value);
	}
	if (json_object_size(group) == 0) {
		json_decref(group);
		return NULL;
	}
	return group;
}

json_t *view_read(xmlDoc *doc)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	struct reading r = { 0 };
	const struct row *rows = NULL;
	json_t *view;

	if (root && strcmp((const char *)root->name, "SPSCertificate") == 0)
		rows = CERTIFICATE;
	else if (root && strcmp((const char *)root->name, "SPSAcknowledgement") == 0)
		rows = ACKNOWLEDGEMENT;
	view = rows ? group_of(&r, root, rows) : NULL;
	if (!view)
		view = json_object();
	if (view && r.cut)
		json_object_set_new(view, "cut", json_true());
	return view;
}
