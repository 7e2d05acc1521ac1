/* SPDX-License-Identifier: EUPL-1.2 */
/* The reader of signatures: what is below a root that is always there, so that the search
 * is for shapes of XAdES and not of XML. Without anchors nothing passes, and the ETSI
 * report of whatever was found is XML. */
#include "common/clock.h"
#include "common/limits.h"
#include "tests/fuzz/target.h"
#include "xades/validate.h"
#include "xml/reader.h"

#define AT "2026-06-05T12:00:00Z"

static int64_t at;

static void set_up(void)
{
	if (at == 0)
		check(xades_setup() == 0 && clock_parse(AT, &at) == 0);
}

static void check_report(const struct xades_report *r)
{
	_cleanup_buf_ struct buf etsi;
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	buf_init(&etsi, LIMIT_REPORT);
	check(xades_report_to_etsi(r, at, &etsi) == 0);
	check(xml_read(buf_span(&etsi), XML_READ_EIDAS, &findings, &doc) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xades_options options = { .profile = XADES_EIDAS };
	_cleanup_(xades_report_freep) struct xades_report *r = NULL;
	_cleanup_buf_ struct buf document;

	set_up();
	options.at = at;
	buf_init(&document, LIMIT_DOCUMENT);
	buf_add_str(&document, "<a:doc xmlns:a=\"urn:a\" "
			       "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" "
			       "xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\">"
			       "<a:v Id=\"v\">1</a:v>");
	buf_add(&document, data, size);
	if (buf_add_str(&document, "</a:doc>") < 0)
		return 0;
	check(xades_validate(buf_span(&document), &options, &r) == 0);
	check(r->indication == XADES_TOTAL_FAILED ||
		r->indication == XADES_INDETERMINATE);
	check_report(r);
	return 0;
}
