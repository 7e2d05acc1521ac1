/* SPDX-License-Identifier: EUPL-1.2 */
/* Schemas are compiled once, say where and what, and never look at xsi:schemaLocation. */
#include "xml/schema.h"

#include "common/buf.h"
#include "common/durable.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define XSD(content)                                                                     \
	"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' "                        \
	"targetNamespace='urn:t' "                                                       \
	"xmlns:t='urn:t' elementFormDefault='qualified'>" content "</xs:schema>"

static char folder[] = "/tmp/sealgate-unit-XXXXXX";
static struct xml_schema *schema;

static const char *at(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int put(const char *name, const char *text)
{
	return durable_write(at(name), span_str(text), 0600);
}

static int setup(void **state)
{
	char *error = NULL;

	(void)state;
	if (!mkdtemp(folder) ||
		put("part.xsd",
			XSD("<xs:simpleType name='code'><xs:restriction base='xs:token'>"
			    "<xs:enumeration value='A'/><xs:enumeration value='B'/>"
			    "</xs:restriction></xs:simpleType>")) < 0 ||
		put("main.xsd",
			XSD("<xs:include schemaLocation='part.xsd'/>"
			    "<xs:element name='r'><xs:complexType><xs:sequence>"
			    "<xs:element name='n' type='xs:decimal'/>"
			    "<xs:element name='c' type='t:code' minOccurs='0' "
			    "maxOccurs='unbounded'/>"
			    "</xs:sequence><xs:attribute name='k' type='xs:integer'/>"
			    "</xs:complexType></xs:element>")) < 0 ||
		put("broken.xsd", XSD("<xs:element name='r' type='t:none'/>")) < 0 ||
		put("no.xsd", "<a/>") < 0)
		return -1;
	if (xml_schema_open(at("main.xsd"), &schema, &error) < 0)
		return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	xml_schema_close(schema);
	xml_schema_close(NULL);
	unlink(at("part.xsd"));
	unlink(at("main.xsd"));
	unlink(at("broken.xsd"));
	unlink(at("no.xsd"));
	return rmdir(folder);
}

static void expect_unusable(const char *name, const char *part)
{
	struct xml_schema *s = NULL;
	char *error = NULL;

	assert_int_equal(xml_schema_open(at(name), &s, &error), -EINVAL);
	assert_null(s);
	assert_non_null(error);
	assert_non_null(strstr(error, part));
	assert_null(strchr(error, '\n'));
	free(error);
}

static void test_open(void **state)
{
	(void)state;
	expect_unusable("broken.xsd", "broken.xsd:1");
	expect_unusable("no.xsd", "no.xsd");
	expect_unusable("absent.xsd", "absent.xsd");
}

static int validate(const char *text, struct findings *f)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, f, &doc), 1);
	return xml_schema_validate(schema, doc, f);
}

static void test_valid(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	xml_setup();
	assert_int_equal(
		validate("<r xmlns='urn:t' k='3'><n>1.5</n><c>A</c></r>", &f), 1);
	assert_int_equal(validate("<r xmlns='urn:t'><n>1</n></r>", &f), 1);
	assert_int_equal(f.count, 0);
}

static void test_every_violation(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	assert_int_equal(validate("<x:r xmlns:x='urn:t' "
				  "k='z'><x:n>one</x:n><x:c>A</x:c><x:c>Q</x:c>"
				  "<x:d/></x:r>",
				 &f),
		0);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.errors, 4);
	assert_string_equal(f.list[0].where, "/x:r/@k");
	assert_string_equal(f.list[0].received, "z");
	assert_string_equal(f.list[1].where, "/x:r/x:n");
	assert_string_equal(f.list[1].received, "one");
	assert_non_null(strstr(f.list[1].message, "xs:decimal"));
	assert_string_equal(f.list[2].where, "/x:r/x:c[2]");
	assert_string_equal(f.list[2].received, "Q");
	assert_non_null(strstr(f.list[2].message, "'A', 'B'"));
	assert_string_equal(f.list[3].where, "/x:r/x:d");
	assert_non_null(strstr(f.list[3].message, "Expected is ( c )"));
	assert_null(strstr(f.list[3].message, "urn:t"));
	for (size_t i = 0; i < f.count; i++)
		assert_string_equal(f.list[i].reason->code, "doc.schema");
}

static void test_two_attributes_of_one_element(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	assert_int_equal(validate("<r xmlns='urn:t' k='z' j='1'><n>1</n></r>", &f), 0);
	assert_int_equal(f.count, 2);
	assert_string_equal(f.list[0].where, "/r/@k");
	assert_string_equal(f.list[1].where, "/r/@j");
}

static void test_long_lists_are_shortened(void **state)
{
	struct xml_schema *s;
	char *error;
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	buf_add_str(&b,
		"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element "
		"name='r'><xs:simpleType><xs:restriction base='xs:token'>");
	for (int i = 0; i < 250; i++)
		buf_addf(&b, "<xs:enumeration value='V%d'/>", i);
	buf_add_str(&b, "</xs:restriction></xs:simpleType></xs:element></xs:schema>");
	assert_int_equal(put("no.xsd", b.data), 0);
	buf_done(&b);
	assert_int_equal(xml_schema_open(at("no.xsd"), &s, &error), 0);
	assert_int_equal(xml_read(span_str("<r>x</r>"), XML_READ_GATE, &f, &doc), 1);
	assert_int_equal(xml_schema_validate(s, doc, &f), 0);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.list[0].message,
		"The value 'x' is not an element of the set {'V0', 'V1', 'V2', 'V3', "
		"'V4', ...} of "
		"250 values.");
	xml_schema_close(s);
}

static void test_wrong_root(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	assert_int_equal(validate("<r/>", &f), 0);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.list[0].where, "/r");
}

/* A schema that the document names is not looked at, even when it would make it valid. */
static void test_schema_location(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	char text[400];

	(void)state;
	(void)snprintf(text, sizeof(text),
		"<r xmlns='urn:o' xmlns:i='http://www.w3.org/2001/XMLSchema-instance' "
		"i:schemaLocation='urn:o %s'/>",
		at("main.xsd"));
	assert_int_equal(validate(text, &f), 0);
}

static void test_many_violations(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	buf_add_str(&b, "<r xmlns='urn:t'><n>1</n>");
	for (int i = 0; i < 600; i++)
		buf_add_str(&b, "<c>Z</c>");
	buf_add_str(&b, "</r>");
	assert_int_equal(validate(b.data, &f), 0);
	assert_int_equal(f.errors, 600);
	assert_int_equal(f.count, 500);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_long_lists_are_shortened),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_every_violation),
		cmocka_unit_test(test_two_attributes_of_one_element),
		cmocka_unit_test(test_wrong_root),
		cmocka_unit_test(test_schema_location),
		cmocka_unit_test(test_many_violations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
