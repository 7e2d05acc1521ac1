/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The report in the form of ETSI TS 119 102-2: what was decided about each signature, and
 * the certificates it rests on.
 */
#include "common/clock.h"
#include "common/encode.h"
#include "xades/signature.h"

#include <ctype.h>
#include <errno.h>

/* and the word of the JSON */
#define URN_QUALITY "urn:sealgate:signature-qualification:"
#define URN_STAMP_QUALITY "urn:sealgate:timestamp-qualification:"
#define NS_REPORT "http://uri.etsi.org/19102/v1.4.1#"
#define CERTIFICATES_MAX 256u

struct report {
	const struct xades_report *r;
	int64_t at;
	struct buf *out;
	X509 *certificates[CERTIFICATES_MAX]; /* borrowed, each once */
	size_t count;
};

static void add_element(struct report *e, const char *name, const char *text)
{
	buf_addf(e->out, "<%s>", name);
	buf_add_xml(e->out, text);
	buf_addf(e->out, "</%s>", name);
}

static void add_time(struct report *e, const char *name, int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(t, text);
	add_element(e, name, text);
}

static void add_base64(struct report *e, struct span octets)
{
	_cleanup_(freep) char *text = base64_encode(octets);

	if (text)
		buf_add_str(e->out, text);
	else
		e->out->error = -ENOMEM;
}

static void add_digest(struct report *e, const uint8_t digest[SHA256_SIZE])
{
	buf_addf(e->out,
		"<DigestAlgAndValue><ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue>",
		digest_method_named("SHA256")->uri);
	add_base64(e, span_of(digest, SHA256_SIZE));
	buf_add_str(e->out, "</ds:DigestValue></DigestAlgAndValue>");
}

static void remember(struct report *e, X509 *x)
{
	for (size_t i = 0; i < e->count; i++)
		if (X509_cmp(e->certificates[i], x) == 0)
			return;
	if (e->count < CERTIFICATES_MAX)
		e->certificates[e->count++] = x;
}

/* A reference to a certificate, which is written once at the end. */
static void add_certificate(struct report *e, const char *name, X509 *x)
{
	char id[SHA256_TEXT_SIZE];

	if (pki_certificate_sha256(x, id) < 0) {
		e->out->error = -EIO;
		return;
	}
	remember(e, x);
	buf_addf(e->out, "<%s VOReference=\"C-%s\"/>", name, id);
}

static void add_identifier(struct report *e, const struct xades_signature *s, size_t n)
{
	const xmlNode *node = xml_child(s->element, NS_DS, "SignatureValue");
	_cleanup_(freep) char *value = node ? xml_text(node) : NULL;

	buf_addf(e->out, "<SignatureIdentifier id=\"S-%zu\">", n + 1);
	if (value)
		add_element(e, "ds:SignatureValue", value);
	buf_add_str(e->out, "<HashOnly>false</HashOnly><DocHashOnly>false</DocHashOnly>");
	if (s->id)
		add_element(e, "DAIdentifier", s->id);
	buf_add_str(e->out, "</SignatureIdentifier>");
}

static void add_times(struct report *e, const struct xades_signature *s)
{
	buf_add_str(e->out, "<ValidationTimeInfo>");
	add_time(e, "ValidationTime", e->at);
	buf_add_str(e->out, "<BestSignatureTime>");
	add_time(e, "POETime", s->best_signature_time);
	add_element(e, "TypeOfProof", "urn:etsi:019102:poetype:validation");
	buf_add_str(e->out, "</BestSignatureTime></ValidationTimeInfo>");
}

static void add_signer(struct report *e, X509 *signer)
{
	_cleanup_(freep) char *name = NULL;

	if (!signer)
		return;
	name = pki_name_text(X509_get_subject_name(signer));
	buf_add_str(e->out, "<SignerInformation>");
	add_certificate(e, "SignerCertificate", signer);
	if (name)
		add_element(e, "Signer", name);
	buf_add_str(e->out, "</SignerInformation>");
}

/* What the trusted lists make of it, once they have spoken. */
static void add_quality(struct report *e, const char *urn, const char *qualification)
{
	if (strcmp(qualification, "NA") == 0 || !*qualification)
		return;
	buf_addf(e->out,
		"<SignatureQuality><SignatureQualityInformation>"
		"%s%s</SignatureQualityInformation></SignatureQuality>",
		urn, qualification);
}

static void add_document(struct report *e, const struct xades_signature *s)
{
	uint8_t digest[SHA256_SIZE];

	if (!s->signed_octets)
		return;
	if (digest_sha256(span_of(s->signed_octets, s->signed_len), digest) < 0)
		e->out->error = -EIO;
	buf_add_str(e->out, "<SignersDocument>");
	add_digest(e, digest);
	buf_add_str(e->out, "</SignersDocument>");
}

/* The chain that passed: signer first, anchor last. */
static void add_chain(struct report *e, const struct xades_signature *s)
{
	int n = s->chain ? sk_X509_num(s->chain) : 0;

	if (s->indication != XADES_TOTAL_PASSED || n == 0)
		return;
	buf_add_str(e->out, "<AssociatedValidationReportData>");
	add_certificate(e, "TrustAnchor", sk_X509_value(s->chain, n - 1));
	buf_add_str(e->out, "<CertificateChain>");
	add_certificate(e, "SigningCertificate", sk_X509_value(s->chain, 0));
	for (int i = 1; i < n - 1; i++)
		add_certificate(e, "IntermediateCertificate", sk_X509_value(s->chain, i));
	if (n > 1)
		add_certificate(e, "TrustAnchor", sk_X509_value(s->chain, n - 1));
	buf_add_str(e->out, "</CertificateChain></AssociatedValidationReportData>");
}

static void add_indication(struct report *e, const char *indication, const char *sub)
{
	static const char HEAD[] = "urn:etsi:019102:mainindication:";

	buf_addf(e->out, "<MainIndication>%s", HEAD);
	for (const char *c = indication; *c; c++) {
		char lower = (char)tolower((unsigned char)*c);

		buf_add(e->out, &lower, 1);
	}
	buf_add_str(e->out, "</MainIndication>");
	if (*sub)
		buf_addf(e->out,
			"<SubIndication>urn:etsi:019102:subindication:%s</SubIndication>",
			sub);
}

static const char *process_of(const struct xades_signature *s)
{
	for (size_t i = 0; i < s->timestamp_count; i++)
		if (strcmp(s->timestamps[i].type, "ARCHIVE_TIMESTAMP") == 0)
			return "LTA";
	return s->timestamp_count > 0 ? "LTVM" : "Basic";
}

static const struct stamp_kind {
	const char *type, *element, *is_signed;
} STAMPS[] = {
	{ "SIGNATURE_TIMESTAMP", "SignatureTimeStamp", "false" },
	{ "ALL_DATA_OBJECTS_TIMESTAMP", "AllDataObjectsTimeStamp", "true" },
	{ "INDIVIDUAL_DATA_OBJECTS_TIMESTAMP", "IndividualDataObjectsTimeStamp", "true" },
	{ "VALIDATION_DATA_TIMESTAMP", "SigAndRefsTimeStamp", "false" },
	{ "VALIDATION_DATA_REFSONLY_TIMESTAMP", "RefsOnlyTimeStamp", "false" },
	{ "ARCHIVE_TIMESTAMP", "ArchiveTimeStamp", "false" },
};

/* A time-stamp whose time is known; what it is worth is with the validation objects. */
static void add_stamp(
	struct report *e, const struct xades_timestamp *t, size_t signature, size_t n)
{
	for (size_t i = 0; t->gen_time && i < sizeof(STAMPS) / sizeof(STAMPS[0]); i++) {
		if (strcmp(STAMPS[i].type, t->type) != 0)
			continue;
		buf_addf(e->out,
			"<%s Signed=\"%s\"><AttributeObject VOReference=\"T-%zu-%zu\"/>",
			STAMPS[i].element, STAMPS[i].is_signed, signature + 1, n + 1);
		add_time(e, "TimeStampValue", t->gen_time);
		buf_addf(e->out, "</%s>", STAMPS[i].element);
	}
}

static void add_attributes(struct report *e, const struct xades_signature *s, size_t n)
{
	if (!s->signing_time && !s->timestamp_count)
		return;
	buf_add_str(e->out, "<SignatureAttributes>");
	if (s->signing_time) {
		buf_add_str(e->out, "<SigningTime Signed=\"true\">");
		add_time(e, "Time", s->signing_time);
		buf_add_str(e->out, "</SigningTime>");
	}
	for (size_t i = 0; i < s->timestamp_count; i++)
		add_stamp(e, &s->timestamps[i], n, i);
	buf_add_str(e->out, "</SignatureAttributes>");
}

static void add_signature(struct report *e, size_t n)
{
	const struct xades_signature *s = &e->r->signatures[n];

	buf_add_str(e->out, "<SignatureValidationReport>");
	add_identifier(e, s, n);
	add_times(e, s);
	add_document(e, s);
	add_attributes(e, s, n);
	add_signer(e, s->signer);
	add_quality(e, URN_QUALITY, s->qualification);
	buf_addf(e->out,
		"<SignatureValidationProcess><SignatureValidationProcessID>"
		"urn:etsi:019102:validationprocess:%s</SignatureValidationProcessID>"
		"</SignatureValidationProcess><SignatureValidationStatus>",
		process_of(s));
	add_indication(e, xades_indication_text(s->indication), s->sub_indication);
	add_chain(e, s);
	buf_add_str(e->out, "</SignatureValidationStatus></SignatureValidationReport>");
}

/* A document without signatures has one report that says so. */
static void add_nothing(struct report *e)
{
	buf_add_str(e->out, "<SignatureValidationReport><SignatureValidationStatus>");
	if (findings_have(&e->r->findings, "sig.none"))
		add_element(e, "MainIndication",
			"urn:etsi:019102:mainindication:NoSignatureFound");
	else
		add_indication(
			e, xades_indication_text(e->r->indication), e->r->sub_indication);
	buf_add_str(e->out, "</SignatureValidationStatus></SignatureValidationReport>");
}

static void add_object(struct report *e, X509 *x)
{
	char id[SHA256_TEXT_SIZE];
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	if (len <= 0 || pki_certificate_sha256(x, id) < 0) {
		e->out->error = -ENOMEM;
		return;
	}
	buf_addf(e->out,
		"<ValidationObject id=\"C-%s\"><ObjectType>"
		"urn:etsi:019102:validationObject:certificate</ObjectType>"
		"<ValidationObjectRepresentation><base64>",
		id);
	add_base64(e, span_of(der, (size_t)len));
	OPENSSL_free(der);
	buf_add_str(
		e->out, "</base64></ValidationObjectRepresentation></ValidationObject>");
}

static void add_stamp_object(
	struct report *e, const struct xades_timestamp *t, size_t signature, size_t n)
{
	buf_addf(e->out,
		"<ValidationObject id=\"T-%zu-%zu\"><ObjectType>"
		"urn:etsi:019102:validationObject:timestamp</ObjectType>"
		"<ValidationObjectRepresentation>",
		signature + 1, n + 1);
	add_digest(e, t->sha256);
	buf_add_str(e->out, "</ValidationObjectRepresentation><ValidationReport>");
	add_signer(e, t->signer);
	add_quality(e, URN_STAMP_QUALITY, t->qualification);
	buf_add_str(e->out, "<SignatureValidationStatus>");
	add_indication(e, t->indication, t->sub_indication);
	buf_add_str(e->out, "</SignatureValidationStatus></ValidationReport>"
			    "</ValidationObject>");
}

/* The certificates of time-stamps are among those that come last. */
static void add_objects(struct report *e)
{
	size_t stamps = 0;

	for (size_t i = 0; i < e->r->count; i++)
		stamps += e->r->signatures[i].timestamp_count;
	if (e->count == 0 && stamps == 0)
		return;
	buf_add_str(e->out, "<SignatureValidationObjects>");
	for (size_t i = 0; i < e->r->count; i++)
		for (size_t t = 0; t < e->r->signatures[i].timestamp_count; t++)
			add_stamp_object(e, &e->r->signatures[i].timestamps[t], i, t);
	for (size_t i = 0; i < e->count; i++)
		add_object(e, e->certificates[i]);
	buf_add_str(e->out, "</SignatureValidationObjects>");
}

int xades_report_to_etsi(const struct xades_report *r, int64_t at, struct buf *ret)
{
	struct report e = { .r = r, .at = at, .out = ret };

	buf_addf(
		ret, "<ValidationReport xmlns=\"" NS_REPORT "\" xmlns:ds=\"" NS_DS "\">");
	for (size_t i = 0; i < r->count; i++)
		add_signature(&e, i);
	if (r->count == 0)
		add_nothing(&e);
	add_objects(&e);
	return buf_add_str(ret, "</ValidationReport>");
}
