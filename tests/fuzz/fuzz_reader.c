/* SPDX-License-Identifier: EUPL-1.2 */
/* The hostile-XML reader in both profiles; a tree that it gives has a canonical form,
 * which reads as the same canonical form again. */
#include "tests/fuzz/target.h"
#include "xml/c14n.h"
#include "xml/node.h"
#include "xml/reader.h"

#include <stdlib.h>

/* Canonical octets of the document, or none when it has no canonical form. */
static bool canonical(xmlDoc *doc, enum xml_c14n algorithm, struct buf *ret)
{
	buf_init(ret, 64u * 1024 * 1024);
	return xml_canonicalize(doc, NULL, NULL, 0, algorithm, NULL, ret) == 0;
}

static void again(xmlDoc *doc)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *second = NULL;
	struct buf a, b = { 0 };

	if (canonical(doc, XML_C14N_10_COMMENTS, &a) && a.len < 10u * 1024 * 1024 &&
		xml_read(buf_span(&a), XML_READ_EIDAS, &findings, &second) == 1) {
		check(canonical(second, XML_C14N_10_COMMENTS, &b));
		check(span_equal(buf_span(&a), buf_span(&b)));
	}
	buf_done(&b);
	buf_done(&a);
}

/* The last element, as an apex and as what is left out. */
static void parts(xmlDoc *doc)
{
	const xmlNode *root = xmlDocGetRootElement(doc), *last = root;
	struct buf b;

	while (xml_child(last, NULL, NULL)) {
		last = xml_child(last, NULL, NULL);
		while (xml_next(last, NULL, NULL))
			last = xml_next(last, NULL, NULL);
	}
	for (int a = XML_C14N_10; a <= XML_C14N_EXCLUSIVE_COMMENTS; a++) {
		int r;

		buf_init(&b, 64u * 1024 * 1024);
		r = xml_canonicalize(doc, last, NULL, 0, (enum xml_c14n)a, NULL, &b);
		check(r < 0 || b.len > 0);
		buf_done(&b);
	}
	buf_init(&b, 64u * 1024 * 1024);
	if (last != root)
		(void)xml_canonicalize(doc, NULL, &last, 1, XML_C14N_EXCLUSIVE, NULL, &b);
	buf_done(&b);
	free(xml_path_of(last));
	free(xml_text(last));
}

static void read_as(struct span data, enum xml_profile profile)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	int r = xml_read(data, profile, &findings, &doc);

	check(r == 0 || r == 1);
	check((r == 1) == (doc != NULL));
	check((r == 1) == (findings.errors == 0));
	check(!findings_have(&findings, "internal.reason"));
	if (doc) {
		check(!doc->intSubset && !doc->extSubset);
		again(doc);
		parts(doc);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	xml_setup();
	read_as(span_of(data, size), XML_READ_GATE);
	read_as(span_of(data, size), XML_READ_EIDAS);
	return 0;
}
