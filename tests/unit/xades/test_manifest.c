/* SPDX-License-Identifier: EUPL-1.2 */
/* ds:Manifest (XML Signature 1.1, 5.1): files of a container, and data beside a
 * signature, that are signed only by being in a list that is signed. */
#include "tests/unit/xades/resign.h"
#include "tests/unit/xades/zip_house.h"

#define TYPE "application/vnd.etsi.asic-e+zip"
#define LISTED "http://www.w3.org/2000/09/xmldsig#Manifest"
#define ENTRY(uri, digest)                                                               \
	"<ds:Reference URI=\"" uri "\"><ds:DigestMethod Algorithm=\""                    \
	"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>" digest             \
	"</ds:DigestValue></ds:Reference>"
#define ONE "a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s=" /* of "1" */
#define TWO "P8TM/nRYcOLA2Z9x8w/wZWyN7dQcwdfT03aw2+aF4vM=" /* of "two" */

#define WEAK                                                                             \
	"<ds:Reference URI=\"a.txt\"><ds:DigestMethod Algorithm=\""                      \
	"http://www.w3.org/2000/09/xmldsig#sha1\"/"                                      \
	"><ds:DigestValue>NWoZK3kTsExUV00Ywo1G5jlUKKs="                                  \
	"</ds:DigestValue></ds:Reference>"

enum place { TYPE_FILE = 0, FIRST, SECOND, SIGNATURES };

/* A detached signature over one reference, of some type, to a list of entries. */
static char *over_list(const char *type, const char *transform, const char *entries)
{
	const struct xades_object object = {
		.name = "x", .mime_type = "text/plain", .data = span_str("1")
	};
	char *text = make(
		     &h, (struct wish){ .place = XADES_DETACHED,
				 .more = { .objects = &object, .object_count = 1 } }),
	     *reference, *list;
	uint8_t digest[32];
	struct buf octets;

	assert_true(
		asprintf(&reference,
			"URI=\"#m\"%s%s><ds:Transforms><ds:Transform Algorithm=\"%s\"/>"
			"</ds:Transforms>",
			type ? " Type=" : "", type ? type : "", transform) > 0);
	assert_true(
		asprintf(&list,
			"<ds:Object><ds:Manifest Id=\"m\">%s</ds:Manifest></ds:Object>"
			"<ds:Object>",
			entries) > 0);
	text = swap(swap(text, "URI=\"x\">", reference), "<ds:Object>", list);
	octets = canonical_of(text, "Manifest");
	assert_int_equal(digest_sha256(buf_span(&octets), digest), 0);
	if (strstr(transform, "base64")) { /* of the one text, which is a digest */
		assert_int_equal(digest_sha256(span_str("1"), digest), 0);
		assert_int_equal(
			digest_sha256(span_of(digest, sizeof(digest)), digest), 0);
	}
	text = put_value(text, "#m", "<ds:DigestValue>", span_of(digest, sizeof(digest)));
	buf_done(&octets);
	free(reference);
	free(list);
	return resign(text, h.ec.key, EVP_sha256());
}

static char *typed(const char *entries)
{
	return over_list(
		"\"" LISTED "\"", "http://www.w3.org/2001/10/xml-exc-c14n#", entries);
}

/* In a container with a.txt ("1") and b.txt ("two"). */
static struct xades_report *in_container(const char *signature)
{
	const struct pack p[ZIP_FILES] = {
		[TYPE_FILE] = { .name = "mimetype", .data = span_str(TYPE) },
		[FIRST] = { .name = "a.txt", .data = span_str("1") },
		[SECOND] = { .name = "b.txt", .data = span_str("two") },
		[SIGNATURES] = { .name = "META-INF/signatures0.xml",
			.data = span_str(signature) },
	};
	struct xades_options options = {
		.profile = XADES_EIDAS, .at = when(NOW), .material = h.m
	};
	struct buf zip = zip_of(p);
	struct xades_report *r = NULL;

	assert_int_equal(xades_validate_container(buf_span(&zip), &options, &r), 0);
	buf_done(&zip);
	return r;
}

/* What of the two files is said not to be covered; the text is released. */
static void covers(
	char *signature, enum xades_indication indication, const char *uncovered)
{
	struct xades_report *r = in_container(signature);
	_cleanup_buf_ struct buf names;

	buf_init(&names, 32);
	if (r->indication != indication)
		fail_msg("%s: %s", r->sub_indication,
			r->findings.count ? r->findings.list[0].message : "");
	for (size_t i = 0; i < r->findings.count; i++)
		if (strcmp(r->findings.list[i].reason->code, "asic.uncovered") == 0)
			buf_add_str(&names, r->findings.list[i].where);
	assert_true(span_equal(buf_span(&names), span_str(uncovered)));
	xades_report_free(r);
	free(signature);
}

static void files_of_a_list(void **state)
{
	(void)state;
	covers(typed(ENTRY("a.txt", ONE) ENTRY("b.txt", TWO)), XADES_TOTAL_PASSED, "");
	covers(typed(ENTRY("b.txt", TWO)), XADES_TOTAL_PASSED, "a.txt");
}

/* A digest that proves nothing any more covers nothing. */
static void list_of_weak_digests(void **state)
{
	(void)state;
	covers(typed(WEAK ENTRY("b.txt", TWO)), XADES_TOTAL_PASSED, "a.txt");
}

/* A list that is not what was signed covers nothing, not even where it is right. */
static void list_that_is_wrong(void **state)
{
	char *text = typed(ENTRY("a.txt", ONE) ENTRY("b.txt", TWO));

	(void)state;
	covers(typed(ENTRY("a.txt", TWO) ENTRY("b.txt", TWO)), XADES_TOTAL_FAILED,
		"a.txtb.txt");
	covers(swap(text, ONE, TWO), XADES_TOTAL_FAILED, "a.txtb.txt");
	text = typed(ENTRY("b.txt", TWO));
	covers(swap(text, "<ds:Reference URI=\"b.txt\">",
		       ENTRY("a.txt", ONE) "<ds:Reference URI=\"b.txt\">"),
		XADES_TOTAL_FAILED, "a.txtb.txt");
}

/* Who signs an object that happens to be a list, or its text alone, does not answer for
 * what it lists. */
static void list_that_is_not_meant(void **state)
{
	(void)state;
	covers(over_list(NULL, "http://www.w3.org/2001/10/xml-exc-c14n#",
		       ENTRY("a.txt", ONE) ENTRY("b.txt", TWO)),
		XADES_TOTAL_PASSED, "a.txtb.txt");
	covers(over_list("\"http://www.w3.org/2000/09/xmldsig#Object\"",
		       "http://www.w3.org/2001/10/xml-exc-c14n#", ENTRY("a.txt", ONE)),
		XADES_TOTAL_PASSED, "a.txtb.txt");
	covers(over_list("\"" LISTED "\"", "http://www.w3.org/2000/09/xmldsig#base64",
		       ENTRY("a.txt", ONE)),
		XADES_TOTAL_PASSED, "a.txtb.txt");
}

/* What the list has and nobody brought is named; it takes nothing away. */
static void entry_without_data(void **state)
{
	struct xades_report *r;
	char *text = typed(ENTRY("a.txt", ONE) ENTRY("c.txt", TWO));

	(void)state;
	r = in_container(text);
	assert_int_equal(r->indication, XADES_TOTAL_PASSED);
	assert_true(findings_have(&r->findings, "sig.reference-missing"));
	xades_report_free(r);
	covers(text, XADES_TOTAL_PASSED, "b.txt");
}

/* The same lists beside the data, without a container. */
static void data_beside(void **state)
{
	const struct xades_detached data = { .name = "b.txt", .data = span_str("two") };
	struct xades_options options = { .profile = XADES_EIDAS,
		.at = when(NOW),
		.material = h.m,
		.detached = &data,
		.detached_count = 1 };
	char *right = typed(ENTRY("b.txt", TWO)), *wrong = typed(ENTRY("b.txt", ONE));
	struct xades_report *r = NULL;

	(void)state;
	assert_int_equal(xades_validate(span_str(right), &options, &r), 0);
	assert_int_equal(r->indication, XADES_TOTAL_PASSED);
	xades_report_free(r);
	assert_int_equal(xades_validate(span_str(wrong), &options, &r), 0);
	assert_string_equal(r->sub_indication, "HASH_FAILURE");
	assert_false(r->signatures[0].core_valid);
	xades_report_free(r);
	free(right);
	free(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_a_list),
		cmocka_unit_test(list_of_weak_digests),
		cmocka_unit_test(list_that_is_wrong),
		cmocka_unit_test(list_that_is_not_meant),
		cmocka_unit_test(entry_without_data),
		cmocka_unit_test(data_beside),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
