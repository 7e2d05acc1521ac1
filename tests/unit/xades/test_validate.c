/* SPDX-License-Identifier: EUPL-1.2 */
#include "tests/unit/xades/one_house.h"

#include "xml/reader.h"

static void fails(char *text, const char *sub)
{
	expect(&h, text, XADES_EIDAS, XADES_TOTAL_FAILED, sub);
}

static void undetermined(char *text, const char *sub)
{
	expect(&h, text, XADES_EIDAS, XADES_INDETERMINATE, sub);
}

/* EN 319 102-1 5.2.7: each part that is signed, changed. */
static void every_signed_part(void **state)
{
	(void)state;
	fails(swap(plain(), "<a:v>1<", "<a:v>2<"), "HASH_FAILURE");
	fails(swap(plain(), "at=\"x>y\"", "at=\"x>z\""), "HASH_FAILURE");
	fails(swap(plain(), "<a:v>1</a:v>", ""), "HASH_FAILURE");
	fails(swap(plain(), "2026-06-01T10:00:00Z", "2026-06-01T10:00:01Z"),
		"HASH_FAILURE");
	fails(swap(plain(), "text/xml", "text/xmk"), "HASH_FAILURE");
	fails(swap(plain(), "Type=\"http://uri.etsi.org/01903#SignedProperties\"", ""),
		"SIG_CRYPTO_FAILURE");
	fails(swap(plain(), "ecdsa-sha256", "ecdsa-sha384"), "SIG_CRYPTO_FAILURE");
	fails(swap(plain(), "xmldsig-more#ecdsa-sha256", "xmldsig-more#hmac-sha256"),
		"SIG_CRYPTO_FAILURE");
}

static void value_changed(void **state)
{
	char *text = plain(), *value = strstr(text, "Id=\"value-s1\">");

	(void)state;
	value += strlen("Id=\"value-s1\">");
	*value = *value == 'A' ? 'B' : 'A';
	fails(text, "SIG_CRYPTO_FAILURE");
	text = plain();
	value = strstr(text, "Id=\"value-s1\">") + strlen("Id=\"value-s1\">");
	*value = '*';
	fails(text, "SIG_CRYPTO_FAILURE");
}

/* What canonicalisation takes away may differ. */
static void harmless_changes(void **state)
{
	(void)state;
	expect(&h, swap(plain(), "<a:v>1<", "<a:v><![CDATA[1]]><"), XADES_GATE,
		XADES_TOTAL_PASSED, "");
	expect(&h, swap(plain(), "<a:v>1<", "<a:v>&#49;<"), XADES_GATE,
		XADES_TOTAL_PASSED, "");
	expect(&h, swap(plain(), "<a:v>1", "<!-- c --><a:v>1"), XADES_GATE,
		XADES_TOTAL_PASSED, "");
	expect(&h, swap(plain(), "at=\"x>y\"", "at='x&gt;y'"), XADES_GATE,
		XADES_TOTAL_PASSED, "");
	expect(&h, swap(plain(), "<!-- before -->", ""), XADES_GATE, XADES_TOTAL_PASSED,
		"");
}

/* Signed in UTF-8, which is what is canonical, and kept in Latin-1 since: the validator
 * of what others have signed reads it, the gate does not. */
static void another_encoding(void **state)
{
	char *text = make(&h,
		(struct wish){ .place = XADES_ENVELOPED,
			.document = span_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
					     "<a>\xc3\xa9\xc3\xbf</a>") });

	(void)state;
	text = swap(swap(text, "\xc3\xa9", "\xe9"), "\xc3\xbf", "\xff");
	text = swap(text, "\"UTF-8\"", "\"ISO-8859-1\"");
	expect(&h, strdup(text), XADES_EIDAS, XADES_TOTAL_PASSED, "");
	expect(&h, strdup(text), XADES_GATE, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	expect(&h, swap(text, "\xe9", "\xe8"), XADES_EIDAS, XADES_TOTAL_FAILED,
		"HASH_FAILURE");
}

/* The element with the good identifier was moved and another took its place. */
static void wrapping(void **state)
{
	char *text = plain(), *copy;

	(void)state;
	/* Another SignedProperties where the real ones were; theirs sit in a second
	 * Object. */
	text = swap(text, "<xades:SignedProperties Id=\"xades-s1\">",
		"<xades:SignedProperties Id=\"evil\"></xades:SignedProperties>"
		"</xades:QualifyingProperties></ds:Object><ds:Object "
		"xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\"><xades:W>"
		"<xades:SignedProperties Id=\"xades-s1\">");
	text = swap(text, "</xades:QualifyingProperties></ds:Object></ds:Signature>",
		"</xades:W></ds:Object></ds:Signature>");
	copy = strdup(text);
	expect(&h, copy, XADES_EIDAS, XADES_INDETERMINATE, "SIGNED_DATA_NOT_FOUND");
	expect(&h, text, XADES_GATE, XADES_TOTAL_FAILED, "FORMAT_FAILURE");

	/* The signed document wrapped into another. */
	text = swap(plain(), "<a:doc ", "<evil><a:doc ");
	text = swap_nth(text, "</a:doc>", "</a:doc><x/></evil>", 1);
	fails(text, "HASH_FAILURE");

	/* Two elements of one identifier. */
	text = swap(plain(), "<a:v>", "<a:v Id=\"xades-s1\">");
	fails(text, "FORMAT_FAILURE");
}

static void duplicate_signature(void **state)
{
	char *text = plain(), *start = strstr(text, "<ds:Signature ");
	char *end = strstr(text, "</ds:Signature>") + strlen("</ds:Signature>");
	char *signature = strndup(start, (size_t)(end - start));
	struct xades_report *r;

	(void)state;
	text = swap(text, "</ds:Signature>", "</ds:Signature>@");
	text = swap(text, "@", signature);
	r = validate(&h, text, XADES_EIDAS);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	xades_report_free(r);
	free(signature);
	free(text);
}

/* KeyInfo is a candidate only: what SigningCertificateV2 names counts. */
static void key_info(void **state)
{
	char *text = plain(), *other = make(&h, (struct wish){ .place = XADES_ENVELOPED,
							.signer = &h.rsa,
							.method = "rsa-sha256" });
	char *start = strstr(text, "<ds:KeyInfo>"), *end = strstr(text, "</ds:KeyInfo>");
	char *mine = strndup(start, (size_t)(end - start));
	char *their_start = strstr(other, "<ds:KeyInfo>");
	char *theirs = strndup(
		their_start, (size_t)(strstr(other, "</ds:KeyInfo>") - their_start));

	(void)state;
	undetermined(swap(strdup(text), mine, theirs), "NO_SIGNING_CERTIFICATE_FOUND");
	undetermined(
		swap(strdup(text), mine, "<ds:KeyInfo>"), "NO_SIGNING_CERTIFICATE_FOUND");
	undetermined(
		swap(strdup(text), mine,
			"<ds:KeyInfo><ds:RetrievalMethod URI=\"http://127.0.0.1/\"/>"),
		"NO_SIGNING_CERTIFICATE_FOUND");
	free(mine);
	free(theirs);
	free(other);
	free(text);
}

/* The core alone says what it says in a whole validation, and never passes. */
static void core_alone(void **state)
{
	char *texts[] = { stamped(), swap(stamped(), "<a:v>1<", "<a:v>2<"),
		swap(plain(), "ecdsa-sha256", "ecdsa-sha384") };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct xades_options options = { .profile = XADES_EIDAS,
			.at = when(NOW),
			.material = h.m,
			.core_only = true };
		struct xades_report *whole = validate(&h, texts[i], XADES_EIDAS), *r;

		assert_int_equal(xades_validate(span_str(texts[i]), &options, &r), 0);
		assert_int_equal(r->signatures[0].core_valid, i == 0);
		assert_int_equal(
			r->signatures[0].core_valid, whole->signatures[0].core_valid);
		assert_int_equal(
			r->signatures[0].refs_intact, whole->signatures[0].refs_intact);
		assert_int_equal(
			r->signatures[0].sig_value_ok, whole->signatures[0].sig_value_ok);
		assert_int_not_equal(r->indication, XADES_TOTAL_PASSED);
		assert_non_null(r->signatures[0].signer);
		xades_report_free(whole);
		xades_report_free(r);
		free(texts[i]);
	}
}

/* A public key from outside makes the core checkable, never the signer known. */
static void bare_key(void **state)
{
	char *text = plain(), *start = strstr(text, "<ds:KeyInfo>");
	char *end = strstr(text, "</ds:KeyInfo>") + strlen("</ds:KeyInfo>");
	struct xades_options options = {
		.profile = XADES_EIDAS, .at = when(NOW), .material = h.m, .key = h.ec.key
	};
	struct xades_report *r = NULL;

	(void)state;
	memmove(start, end, strlen(end) + 1);
	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_true(r->signatures[0].core_valid);
	assert_string_equal(r->sub_indication, "NO_SIGNING_CERTIFICATE_FOUND");
	assert_null(r->signatures[0].signer);
	xades_report_free(r);
	options.key = h.rsa.key;
	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_false(r->signatures[0].sig_value_ok);
	xades_report_free(r);
	free(text);
}

static void nothing_is_fetched(void **state)
{
	static const char *const URIS[] = { "http://127.0.0.1:9/x", "file:///etc/passwd",
		"/etc/passwd", "#xpointer(//*)", "#zz')|id('s1", "#nowhere" };

	(void)state;
	for (size_t i = 0; i < sizeof(URIS) / sizeof(URIS[0]); i++) {
		char uri[64];

		(void)snprintf(uri, sizeof(uri), " URI=\"%s\"", URIS[i]);
		undetermined(swap(plain(), " URI=\"\"", uri), "SIGNED_DATA_NOT_FOUND");
	}
}

/* Transforms that are not in the list are never run. */
static void forbidden_transforms(void **state)
{
	static const char ENVELOPED[] =
		"<ds:Transform Algorithm=\"http://www.w3.org/2000/09/"
		"xmldsig#enveloped-signature\"/>";
	static const char *const FORMS[] = {
		"<ds:Transform "
		"Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
		"<ds:XPath>false()</ds:XPath></ds:Transform>",
		"<ds:Transform "
		"Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
		"<ds:XPath>not(ancestor-or-self::x:Signature)</ds:XPath></ds:Transform>",
		"<ds:Transform "
		"Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">"
		"<ds:XPath>not(ancestor-or-self::ds:Signature) or "
		"1</ds:XPath></ds:Transform>",
		"<ds:Transform "
		"Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/>",
		"<ds:Transform "
		"Algorithm=\"http://www.w3.org/2002/06/xmldsig-filter2\"><XPath "
		"xmlns=\"http://www.w3.org/2002/06/xmldsig-filter2\" "
		"Filter=\"intersect\">/descendant::ds:Signature</XPath></ds:Transform>",
		"<ds:Transform Algorithm=\"urn:x\"/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
		char *text = swap(plain(), ENVELOPED, FORMS[i]);
		struct xades_report *r = validate(&h, text, XADES_EIDAS);

		assert_int_equal(r->indication, XADES_TOTAL_FAILED);
		assert_true(findings_have(&r->findings, "sig.transform"));
		assert_null(r->signatures[0].signed_octets);
		xades_report_free(r);
		free(text);
	}
}

/* Nothing has a digest, too: a reference over nothing never holds. */
static void nothing_signed(void **state)
{
	char *text = make(&h, (struct wish){ .place = XADES_PARALLEL });
	char *digest = strndup(strstr(text, "<ds:DigestValue>"), 60);
	struct xades_report *r;

	(void)state;
	text = swap(text, digest,
		"<ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	text = swap(text, " URI=\"\"", " URI=\"#s1\"");
	r = validate(&h, text, XADES_EIDAS);
	assert_true(r->signatures[0].refs_found);
	assert_false(r->signatures[0].refs_intact);
	xades_report_free(r);
	free(digest);
	free(text);
}

static void unreadable(void **state)
{
	static const char *const CODES[] = { "xml.not-wellformed", "xml.doctype",
		"sig.none", "xml.empty" };
	static const char *const TEXTS[] = { "<a>", "<!DOCTYPE a><a/>", "<a/>", "" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct xades_report *r = validate(&h, TEXTS[i], XADES_GATE);

		assert_int_equal(r->indication, XADES_TOTAL_FAILED);
		assert_string_equal(r->sub_indication, "FORMAT_FAILURE");
		assert_int_equal(r->count, 0);
		assert_true(findings_have(&r->findings, CODES[i]));
		xades_report_free(r);
	}
}

/* Zeroed memory is no verdict. */
static void zero_is_undecided(void **state)
{
	struct xades_report zero = { 0 };

	(void)state;
	assert_int_equal(zero.indication, XADES_UNDECIDED);
	assert_string_equal(xades_indication_text(zero.indication), "UNDECIDED");
}

static void no_anchor(void **state)
{
	char *text = plain();
	struct xades_options options = { .profile = XADES_GATE, .at = when(NOW) };
	struct xades_report *r = NULL;

	(void)state;
	assert_int_equal(xades_validate(span_str(text), &options, &r), 0);
	assert_int_equal(r->indication, XADES_INDETERMINATE);
	assert_string_equal(r->sub_indication, "NO_CERTIFICATE_CHAIN_FOUND");
	assert_true(r->signatures[0].core_valid);
	xades_report_free(r);
	free(text);
}

/* The claimed time is outside the certificate's life. */
static void impossible_time(void **state)
{
	(void)state;
	undetermined(make(&h, (struct wish){ .place = XADES_ENVELOPED,
				      .signed_at = "2024-06-01T00:00:00Z" }),
		"SIG_CONSTRAINTS_FAILURE");
}

static void time_stamps(void **state)
{
	char *text = stamped(), *other = make(&h, (struct wish){ .place = XADES_ENVELOPED,
							  .id = "s1",
							  .signer = &h.rsa,
							  .method = "rsa-sha256",
							  .stamped_at = STAMPED_AT });
	const char *open = "<xades:EncapsulatedTimeStamp>";
	char *mine = strndup(strstr(text, open), 200);
	char *theirs = strndup(strstr(other, open), 200);

	(void)state;
	expect(&h, strdup(text), XADES_GATE, XADES_TOTAL_PASSED, "");
	free(mine);
	free(theirs);
	/* A token over another value: the gate refuses, the general validator passes it
	 * over. */
	mine = strndup(strstr(text, open),
		(size_t)(strstr(text, "</xades:Enc") - strstr(text, open)));
	theirs = strndup(strstr(other, open),
		(size_t)(strstr(other, "</xades:Enc") - strstr(other, open)));
	text = swap(text, mine, theirs);
	expect(&h, strdup(text), XADES_GATE, XADES_INDETERMINATE, "HASH_FAILURE");
	expect(&h, text, XADES_EIDAS, XADES_TOTAL_PASSED, "");
	/* No token at all. */
	expect(&h, swap(other, theirs, "<xades:EncapsulatedTimeStamp>QUJD"), XADES_GATE,
		XADES_INDETERMINATE, "FORMAT_FAILURE");
	free(mine);
	free(theirs);
}

static void json(void **state)
{
	char *text = stamped();
	struct xades_report *r = validate(&h, text, XADES_EIDAS);
	json_t *list = xades_signatures_to_json(r), *s = json_array_get(list, 0);
	static const char *const KEYS[] = { "id", "role", "indication", "sub_indication",
		"level", "sig_value_ok", "refs_found", "refs_intact", "core_valid",
		"signer", "qualification", "best_signature_time", "timestamps", "scope" };

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_object_size(s), sizeof(KEYS) / sizeof(KEYS[0]));
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		assert_non_null(json_object_get(s, KEYS[i]));
	assert_string_equal(
		json_string_value(json_object_get(s, "indication")), "TOTAL-PASSED");
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(s, "signer"), "serial")),
		"012d");
	assert_int_equal(strlen(xades_policy_digest()), 64);
	json_decref(list);
	xades_report_free(r);
	free(text);
}

/* TS 119 102-2: readable XML with the indication's URN and the chain that passed. */
static void etsi(void **state)
{
	static const struct {
		const char *text, *urn;
	} PLAIN[] = { { "<a/>", ":NoSignatureFound<" }, { "<a>", ":total-failed<" } };
	char *text = stamped();
	struct xades_report *r = validate(&h, text, XADES_GATE);
	struct findings findings = { 0 };
	xmlDoc *doc = NULL;
	struct buf out;

	(void)state;
	buf_init(&out, 1u << 20);
	assert_int_equal(r->signatures[0].timestamp_count, 1);
	memcpy(r->signatures[0].timestamps[0].qualification, "QTSA", 5);
	assert_int_equal(xades_report_to_etsi(r, when(NOW), &out), 0);
	assert_int_equal(xml_read(buf_span(&out), XML_READ_GATE, &findings, &doc), 1);
	assert_non_null(strstr(out.data, "mainindication:total-passed<"));
	assert_non_null(strstr(out.data, "<TrustAnchor "));
	assert_non_null(strstr(out.data, "<POETime>" STAMPED_AT));
	assert_non_null(strstr(out.data, "<SignatureTimeStamp Signed=\"false\">"
					 "<AttributeObject VOReference=\"T-1-1\"/>"
					 "<TimeStampValue>" STAMPED_AT));
	assert_non_null(strstr(out.data, "<ValidationObject id=\"T-1-1\">"));
	assert_non_null(strstr(out.data, "mainindication:passed<"));
	assert_non_null(strstr(out.data, "timestamp-qualification:QTSA<"));
	xmlFreeDoc(doc);
	buf_done(&out);
	xades_report_free(r);
	free(text);
	for (size_t i = 0; i < 2; i++) {
		r = validate(&h, PLAIN[i].text, XADES_GATE);
		buf_init(&out, 1u << 20);
		assert_int_equal(xades_report_to_etsi(r, when(NOW), &out), 0);
		assert_non_null(strstr(out.data, PLAIN[i].urn));
		buf_done(&out);
		xades_report_free(r);
	}
	findings_done(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_signed_part),
		cmocka_unit_test(value_changed),
		cmocka_unit_test(harmless_changes),
		cmocka_unit_test(another_encoding),
		cmocka_unit_test(wrapping),
		cmocka_unit_test(duplicate_signature),
		cmocka_unit_test(key_info),
		cmocka_unit_test(core_alone),
		cmocka_unit_test(bare_key),
		cmocka_unit_test(nothing_is_fetched),
		cmocka_unit_test(forbidden_transforms),
		cmocka_unit_test(nothing_signed),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(zero_is_undecided),
		cmocka_unit_test(no_anchor),
		cmocka_unit_test(impossible_time),
		cmocka_unit_test(time_stamps),
		cmocka_unit_test(json),
		cmocka_unit_test(etsi),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
