/* SPDX-License-Identifier: EUPL-1.2 */
/* ASiC containers (ETSI EN 319 162-1): what is in one, what is wrong with one, what must
 * never be read in two ways. */
#include "tests/unit/xades/zip_house.h"

#include "xades/packed.h"

#define TYPE "application/vnd.etsi.asic-e+zip"
#define TYPE_S "application/vnd.etsi.asic-s+zip"
#define ENTRY(path, type)                                                                \
	"<m:file-entry m:full-path=\"" path "\" m:media-type=\"" type "\"/>"
#define MANIFEST_OF(entries)                                                             \
	"<m:manifest "                                                                   \
	"xmlns:m=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\">" ENTRY(         \
		"/", TYPE) entries "</m:manifest>"
#define MANIFEST MANIFEST_OF(ENTRY("a b.xml", "text/xml") ENTRY("b.txt", "text/plain"))
#define CONTENT "<a>1</a>"

enum place { TYPE_FILE = 0, FIRST, SECOND, LIST, SIGNATURES, MORE };

static char *signatures; /* over "a b.xml" and "b.txt" */

static char *sign_files(const struct party *signer, size_t count)
{
	const struct xades_object objects[] = {
		{ .name = "a b.xml", .mime_type = "text/xml", .data = span_str(CONTENT) },
		{ .name = "b.txt", .mime_type = "text/plain", .data = span_str("two") },
	};

	return make(&h, (struct wish){ .signer = signer,
				.method = signer == &h.rsa ? "rsa-sha256" : NULL,
				.place = XADES_DETACHED,
				.more = { .objects = objects, .object_count = count } });
}

/* The files of a good container, to be changed. */
static void good(struct pack p[ZIP_FILES])
{
	const struct pack files[ZIP_FILES] = {
		[TYPE_FILE] = { .name = "mimetype", .data = span_str(TYPE) },
		[FIRST] = { .name = "a b.xml", .data = span_str(CONTENT), .method = 8 },
		[SECOND] = { .name = "b.txt", .data = span_str("two"), .later = true },
		[LIST] = { .name = "META-INF/manifest.xml", .data = span_str(MANIFEST) },
		[SIGNATURES] = { .name = "META-INF/signatures0.xml",
			.data = span_str(signatures),
			.method = 8 },
	};

	memcpy(p, files, sizeof(files));
}

static struct xades_report *validate_octets(struct span zip, enum xades_profile profile)
{
	struct xades_options options = {
		.profile = profile, .at = when(NOW), .material = h.m
	};
	struct xades_report *r = NULL;

	assert_int_equal(xades_validate_container(zip, &options, &r), 0);
	assert_int_not_equal(r->indication, XADES_UNDECIDED);
	return r;
}

static struct xades_report *judge(const struct pack *p)
{
	struct buf zip = zip_of(p);
	struct xades_report *r;

	assert_true(xades_is_container(buf_span(&zip)));
	r = validate_octets(buf_span(&zip), XADES_EIDAS);
	buf_done(&zip);
	return r;
}

static void passes(const struct pack *p, const char *code)
{
	struct xades_report *r = judge(p);

	if (r->indication != XADES_TOTAL_PASSED)
		fail_msg("%s: %s", r->sub_indication,
			r->findings.count ? r->findings.list[0].message : "");
	if (code ? !findings_have(&r->findings, code) : r->findings.count > 0)
		fail_msg("%s instead of %s",
			r->findings.count ? r->findings.list[0].message : "nothing",
			code ? code : "nothing");
	assert_int_equal(r->findings.errors, 0);
	xades_report_free(r);
}

/* Refused before a signature is looked at. */
static void refused_octets(struct span zip, const char *code)
{
	struct xades_report *r = validate_octets(zip, XADES_EIDAS);

	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	assert_string_equal(r->sub_indication, "FORMAT_FAILURE");
	assert_int_equal(r->count, 0);
	if (!findings_have(&r->findings, code))
		fail_msg("%s instead of %s", r->findings.list[0].reason->code, code);
	xades_report_free(r);
}

static void refused(const struct pack *p, const char *code)
{
	struct buf zip = zip_of(p);

	refused_octets(buf_span(&zip), code);
	buf_done(&zip);
}

static void right(void **state)
{
	struct pack p[ZIP_FILES];
	struct xades_report *r;

	(void)state;
	good(p);
	passes(p, NULL);
	r = judge(p);
	assert_int_equal(r->count, 1);
	assert_string_equal(r->signatures[0].file, "META-INF/signatures0.xml");
	assert_string_equal(r->signatures[0].scope, "full");
	xades_report_free(r);
}

/* Profile gate admits documents; that a container holds is not enough for it. */
static void gate_takes_none(void **state)
{
	struct pack p[ZIP_FILES];
	struct xades_report *r;
	struct buf zip;

	(void)state;
	good(p);
	zip = zip_of(p);
	r = validate_octets(buf_span(&zip), XADES_GATE);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	assert_true(findings_have(&r->findings, "sig.coverage"));
	xades_report_free(r);
	buf_done(&zip);
}

static void changed_data(void **state)
{
	struct pack p[ZIP_FILES];
	struct xades_report *r;

	(void)state;
	good(p);
	p[SECOND].data = span_str("too");
	r = judge(p);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	assert_string_equal(r->sub_indication, "HASH_FAILURE");
	assert_true(findings_have(&r->findings, "asic.uncovered"));
	xades_report_free(r);
	good(p);
	p[SECOND].name = "c.txt";
	r = judge(p);
	assert_string_equal(r->sub_indication, "SIGNED_DATA_NOT_FOUND");
	xades_report_free(r);
}

/* Several signature files: the worst of all, each signature with its file. */
static void two_signatures(void **state)
{
	char *second = sign_files(&h.rsa, 1), *bad;
	struct pack p[ZIP_FILES];
	struct xades_report *r;

	(void)state;
	good(p);
	p[MORE] = (struct pack){ .name = "META-INF/signatures1.xml",
		.data = span_str(second) };
	passes(p, NULL);
	bad = swap(strdup(second), SIGNED_AT, NOW);
	p[MORE].data = span_str(bad);
	r = judge(p);
	assert_int_equal(r->count, 2);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	assert_string_equal(r->sub_indication, "HASH_FAILURE");
	assert_int_equal(r->signatures[0].indication, XADES_TOTAL_PASSED);
	assert_string_equal(r->signatures[1].file, "META-INF/signatures1.xml");
	assert_ptr_equal(strstr(r->findings.list[0].where, "META-INF/signatures1.xml: /"),
		r->findings.list[0].where);
	xades_report_free(r);
	p[MORE].data = span_str("<x");
	r = judge(p);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	assert_true(findings_have(&r->findings, "xml.not-wellformed"));
	xades_report_free(r);
	free(second);
	free(bad);
}

static void no_signature(void **state)
{
	struct pack p[ZIP_FILES];

	(void)state;
	good(p);
	p[SIGNATURES] = (struct pack){ 0 };
	refused(p, "sig.none");
}

/* A file that nobody signed is named, and only that. */
static void uncovered(void **state)
{
	struct pack p[ZIP_FILES];
	char *first = sign_files(&h.ec, 1);
	struct xades_report *r;

	(void)state;
	good(p);
	p[SIGNATURES].data = span_str(first);
	passes(p, "asic.uncovered");
	r = judge(p);
	assert_int_equal(r->findings.count, 1);
	assert_string_equal(r->findings.list[0].where, "b.txt");
	xades_report_free(r);
	free(first);
}

static void mimetype(void **state)
{
	static const uint8_t EXTRA[] = { 0x55, 0x54, 0, 0 };
	struct pack p[ZIP_FILES], kept;

	(void)state;
	good(p);
	p[TYPE_FILE].method = 8;
	passes(p, "asic.mimetype");
	good(p);
	p[TYPE_FILE].local_extra = span_of(EXTRA, sizeof(EXTRA));
	passes(p, "asic.mimetype");
	good(p);
	kept = p[TYPE_FILE];
	p[TYPE_FILE] = p[FIRST];
	p[FIRST] = kept;
	passes(p, "asic.mimetype");
	good(p);
	p[TYPE_FILE].data = span_str("application/zip");
	passes(p, "asic.mimetype");
	good(p);
	p[TYPE_FILE].data = span_str(TYPE_S); /* which has one file */
	passes(p, "asic.mimetype");
	good(p);
	p[TYPE_FILE].name = "type";
	p[TYPE_FILE].data = span_str("");
	passes(p, "asic.mimetype");
}

/* ASiC-S: one file, which may be signed under any name. */
static void simple(void **state)
{
	char *first = sign_files(&h.ec, 1);
	const struct pack p[ZIP_FILES] = { { .name = "mimetype",
						   .data = span_str(TYPE_S) },
		{ .name = "other.xml", .data = span_str(CONTENT) },
		{ .name = "META-INF/signatures.xml", .data = span_str(first) } };

	(void)state;
	passes(p, "sig.reference-name");
	free(first);
}

static void manifest(void **state)
{
	static const char *const WRONG[] = { MANIFEST_OF(ENTRY("a b.xml", "text/xml")),
		MANIFEST_OF(ENTRY("a b.xml", "") ENTRY("b.txt", "") ENTRY("c.txt", "")),
		"<manifest/>", "<m:manifest" };
	struct pack p[ZIP_FILES];
	char *other;

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		good(p);
		p[LIST].data = span_str(WRONG[i]);
		passes(p, "asic.manifest");
	}
	good(p);
	other = swap(strdup(MANIFEST), TYPE, TYPE_S);
	p[LIST].data = span_str(other);
	passes(p, "asic.manifest");
	free(other);
	good(p);
	p[LIST] = (struct pack){ .name = "META-INF/x", .data = span_str("") };
	passes(p, "asic.manifest");
}

static void other_kinds(void **state)
{
	static const char *const NAMES[] = { "META-INF/signature.p7s",
		"META-INF/timestamp.tst", "META-INF/evidencerecord.xml" };
	struct pack p[ZIP_FILES];

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		good(p);
		p[MORE] = (struct pack){ .name = NAMES[i], .data = span_str("x") };
		passes(p, "asic.other");
	}
}

static void names(void **state)
{
	static const char *const BAD[] = { "/etc/x", "../x", "a/../x", "a/..", "./x",
		"a//x", "a\\x", "C:x", "a\nx", "\xff", "a\xe2\x80\xaex" };
	struct pack p[ZIP_FILES];
	char *longer = calloc(1, PACKED_NAME_MAX + 2);

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		good(p);
		p[MORE] = (struct pack){ .name = BAD[i], .data = span_str("x") };
		refused(p, "asic.name");
	}
	memset(longer, 'a', PACKED_NAME_MAX + 1);
	p[MORE].name = longer;
	refused(p, "asic.name");
	longer[PACKED_NAME_MAX] = '\0';
	passes(p, "asic.uncovered");
	free(longer);
	p[MORE] = (struct pack){ .name = "folder/", .data = span_str("") };
	passes(p, NULL);
}

static void duplicates(void **state)
{
	struct pack p[ZIP_FILES];

	(void)state;
	good(p);
	p[MORE] = (struct pack){ .name = "b.txt", .data = span_str("two") };
	refused(p, "asic.duplicate");
}

/* What one reader sees and another does not. */
static void two_readings(void **state)
{
	static const uint8_t SECOND_NAME[] = { 0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 'x' };
	struct pack p[ZIP_FILES];

	(void)state;
	good(p);
	p[SECOND].central_name = "c.txt";
	refused(p, "asic.headers");
	good(p);
	p[MORE] = (struct pack){
		.name = "hidden", .data = span_str("x"), .local_only = true
	};
	refused(p, "asic.headers");
	good(p);
	p[FIRST].gap = 1;
	refused(p, "asic.headers");
	good(p);
	p[FIRST].size = 9;
	refused(p, "asic.headers");
	good(p);
	p[FIRST].local_extra = span_of(SECOND_NAME, sizeof(SECOND_NAME));
	refused(p, "asic.headers");
	good(p);
	p[FIRST].central_extra = span_of(SECOND_NAME, sizeof(SECOND_NAME));
	refused(p, "asic.headers");
}

static void not_read(void **state)
{
	struct pack p[ZIP_FILES];
	struct buf zip;

	(void)state;
	good(p);
	p[FIRST].flags = 1;
	refused(p, "asic.zip");
	good(p);
	p[FIRST].method = 12;
	refused(p, "asic.zip");
	good(p);
	zip = zip_of(p);
	put(&zip, 0, 1); /* behind the end */
	refused_octets(buf_span(&zip), "asic.zip");
	buf_done(&zip);
}

/* ZIP64 (APPNOTE 4.3.14): two places for one size. It is named, wherever it stands. */
static void zip64(void **state)
{
	static const uint8_t FULL[] = { 14, 12, 10, 6 }, LOCATOR[20] = "PK\6\7";
	struct pack p[ZIP_FILES];
	struct buf zip;

	(void)state;
	good(p);
	p[FIRST].size = 0xffffffffu;
	refused(p, "asic.zip64");
	for (size_t i = 0; i < sizeof(FULL); i++) {
		good(p);
		zip = zip_of(p);
		memset(zip.data + zip.len - FULL[i], 0xff, FULL[i] > 10 ? 2 : 4);
		refused_octets(buf_span(&zip), "asic.zip64");
		buf_done(&zip);
	}
	zip = zip_of(p);
	zip.len -= 22;
	buf_add(&zip, LOCATOR, sizeof(LOCATOR));
	put_end(&zip, 5, 0);
	refused_octets(buf_span(&zip), "asic.zip64");
	buf_done(&zip);
}

static void too_large(void **state)
{
	size_t len = PACKED_OCTETS_MAX + 1;
	uint8_t *zeros = calloc(1, len);
	struct pack p[ZIP_FILES];

	(void)state;
	good(p);
	p[MORE] = (struct pack){ "zeros", span_of(zeros, len), .method = 8 };
	refused(p, "asic.bomb");
	for (size_t i = 0, x = 1; i < len / 16; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		zeros[i] = (uint8_t)(x >> 56);
	}
	refused(p, "asic.size");
	free(zeros);
}

/* Cut anywhere it is refused; with any octet changed it passes only where nothing of what
 * was signed, and no name, is another. */
static void any_octet(void **state)
{
	struct pack p[ZIP_FILES];
	size_t harmless = 0;
	struct buf zip;

	(void)state;
	good(p);
	zip = zip_of(p);
	for (size_t len = 0; len < zip.len; len += 1 + len / 64) {
		struct xades_report *r =
			validate_octets(span_of(zip.data, len), XADES_EIDAS);

		assert_int_equal(r->indication, XADES_TOTAL_FAILED);
		xades_report_free(r);
	}
	for (size_t i = 0; i < zip.len; i++) {
		struct xades_report *r;

		zip.data[i] ^= 0x41;
		r = validate_octets(buf_span(&zip), XADES_EIDAS);
		harmless += r->indication == XADES_TOTAL_PASSED && r->findings.count == 0;
		xades_report_free(r);
		zip.data[i] ^= 0x41;
	}
	/* In each entry: version needed (4 octets in two headers), version made by (2),
	 * attributes (6); the high bits of how hard was compressed never alone. And the
	 * last octet of each of the two deflated files may have spare bits. */
	assert_in_range(harmless, 5 * 10, 5 * 12 + 2);
	buf_done(&zip);
}

static int set_up_files(void **state)
{
	int r = set_up(state);

	signatures = sign_files(&h.ec, 2);
	return r;
}

static int tear_down_files(void **state)
{
	free(signatures);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right),
		cmocka_unit_test(gate_takes_none),
		cmocka_unit_test(changed_data),
		cmocka_unit_test(two_signatures),
		cmocka_unit_test(no_signature),
		cmocka_unit_test(uncovered),
		cmocka_unit_test(mimetype),
		cmocka_unit_test(simple),
		cmocka_unit_test(manifest),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(names),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(two_readings),
		cmocka_unit_test(not_read),
		cmocka_unit_test(zip64),
		cmocka_unit_test(too_large),
		cmocka_unit_test(any_octet),
	};

	return cmocka_run_group_tests(tests, set_up_files, tear_down_files);
}
