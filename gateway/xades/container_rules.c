/* SPDX-License-Identifier: EUPL-1.2 */
/* Rules of ETSI EN 319 162-1 about a container itself; how they weigh is policy. */
#include "xades/container.h"

#include "xml/node.h"
#include "xml/reader.h"

#include <errno.h>
#include <string.h>

#define NS_MANIFEST "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
#define TYPE_E "application/vnd.etsi.asic-e+zip"
#define TYPE_S "application/vnd.etsi.asic-s+zip"

static struct span content(const struct packed_file *f)
{
	return span_of(f->data, f->len);
}

static bool is_type(const struct packed_file *f, const char *type)
{
	struct span s = content(f);

	while (s.len > 0 && (s.data[s.len - 1] == '\n' || s.data[s.len - 1] == '\r'))
		s.len--;
	return span_equal(s, span_str(type));
}

static void break_mimetype(struct container_check *k, const char *why)
{
	container_rule(k, RULE_CONTAINER_MIMETYPE, "asic.mimetype", "mimetype", why);
}

/* EN 319 162-1 annex A.1: the first file, as it is, without extra fields. */
static void check_mimetype(struct container_check *k, const struct packed_file *f)
{
	if (!f)
		break_mimetype(k, "The container does not name its type.");
	else if (!is_type(f, TYPE_E) && !is_type(f, TYPE_S))
		break_mimetype(k, "The type is neither ASiC-E nor ASiC-S.");
	else if (f != &k->files.files[0])
		break_mimetype(k, "mimetype must be the first file.");
	else if (f->header->method != 0)
		break_mimetype(k, "mimetype must not be compressed.");
	else if (f->header->extra > 0)
		break_mimetype(k, "mimetype must have no extra field.");
}

/* EN 319 162-1 4.3.3: ASiC-S has one file that is signed, and one signature file. */
static void check_single(struct container_check *k)
{
	size_t objects = 0, signatures = 0;

	for (size_t i = 0; i < k->files.count; i++) {
		objects += container_is_object(k->files.files[i].name);
		signatures += container_is_signature(k->files.files[i].name);
	}
	if (objects != 1 || signatures > 1 ||
		(signatures == 1 && !packed_find(&k->files, "META-INF/signatures.xml")))
		break_mimetype(k, "ASiC-S has one file, and META-INF/signatures.xml.");
}

static void break_manifest(struct container_check *k, const char *file, const char *why)
{
	container_rule(k, RULE_CONTAINER_MANIFEST, "asic.manifest", file, why);
}

static void check_entry(struct container_check *k, const xmlNode *entry,
	const struct packed_file *mimetype, bool *listed)
{
	xmlChar *path = xmlGetNsProp(entry, BAD_CAST "full-path", BAD_CAST NS_MANIFEST);
	xmlChar *type = xmlGetNsProp(entry, BAD_CAST "media-type", BAD_CAST NS_MANIFEST);
	const char *name = path ? (const char *)path : "";
	const struct packed_file *f = packed_find(&k->files, name);

	if (f)
		listed[f - k->files.files] = true;
	else if (!*name)
		break_manifest(k, CONTAINER_MANIFEST, "An entry names no file.");
	else if (name[strlen(name) - 1] != '/')
		break_manifest(k, name, "The list of files has one that is not there.");
	if (strcmp(name, "/") == 0 && mimetype && type &&
		!is_type(mimetype, (const char *)type))
		break_manifest(k, CONTAINER_MANIFEST,
			"The list of files has another type than mimetype.");
	xmlFree(path);
	xmlFree(type);
}

static void check_list(struct container_check *k, const xmlDoc *doc,
	const struct packed_file *mimetype, bool *listed)
{
	const xmlNode *root = xmlDocGetRootElement(doc);

	if (!xml_is(root, NS_MANIFEST, "manifest")) {
		break_manifest(k, CONTAINER_MANIFEST, "It is no list of files.");
		return;
	}
	for (const xmlNode *n = xml_child(root, NS_MANIFEST, "file-entry"); n;
		n = xml_next(n, NS_MANIFEST, "file-entry"))
		check_entry(k, n, mimetype, listed);
	for (size_t i = 0; i < k->files.count; i++)
		if (!listed[i] && container_is_object(k->files.files[i].name))
			break_manifest(k, k->files.files[i].name,
				"It is not in the list of files.");
}

/* OpenDocument's list of files, EN 319 162-1 4.4.3.2; ASiC-S needs none. */
static int check_manifest(struct container_check *k, const struct packed_file *mimetype)
{
	const struct packed_file *f = packed_find(&k->files, CONTAINER_MANIFEST);
	_cleanup_findings_ struct findings refused = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	_cleanup_(freep) bool *listed = NULL;
	int r;

	if (!f) {
		if (!mimetype || !is_type(mimetype, TYPE_S))
			break_manifest(
				k, CONTAINER_MANIFEST, "There is no list of files.");
		return 0;
	}
	r = xml_read(content(f), XML_READ_EIDAS, &refused, &doc);
	if (r < 0)
		return r;
	listed = calloc(k->files.count, sizeof(*listed));
	if (!listed)
		return -ENOMEM;
	if (r == 0)
		break_manifest(
			k, CONTAINER_MANIFEST, "The list of files cannot be read.");
	else
		check_list(k, doc, mimetype, listed);
	return 0;
}

/* Signatures, time-stamps and evidence records of other kinds that a container can have;
 * OpenDocument has other files of its own in META-INF. */
static void check_others(struct container_check *k)
{
	static const char *const ENDINGS[] = { ".p7s", ".tst", ".ers" };

	for (size_t i = 0; i < k->files.count; i++) {
		const char *name = k->files.files[i].name;
		size_t len = strlen(name);
		bool other = strstr(name, "evidencerecord") != NULL;

		if (strncmp(name, "META-INF/", 9) != 0)
			continue;
		for (size_t e = 0; e < sizeof(ENDINGS) / sizeof(ENDINGS[0]); e++)
			other |= strcmp(name + len - 4, ENDINGS[e]) == 0;
		if (other)
			container_rule(k, RULE_CONTAINER_OTHER, "asic.other", name,
				"A signature, time-stamp or evidence record of a kind "
				"that is not validated here.");
	}
}

int container_rules(struct container_check *k)
{
	const struct packed_file *mimetype = packed_find(&k->files, "mimetype");
	int r = check_manifest(k, mimetype);

	if (r < 0)
		return r;
	check_mimetype(k, mimetype);
	if (mimetype && is_type(mimetype, TYPE_S))
		check_single(k);
	check_others(k);
	return 0;
}

void container_coverage(struct container_check *k)
{
	for (size_t i = 0; i < k->files.count; i++)
		if (!k->covered[i] && container_is_object(k->files.files[i].name))
			container_rule(k, RULE_CONTAINER_COVERAGE, "asic.uncovered",
				k->files.files[i].name,
				"No valid signature of the container covers it.");
}
