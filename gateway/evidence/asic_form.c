/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/asic_form.h"

#include "common/limits.h"
#include "evidence/inside.h"

#include <zlib.h>

#define LIMIT_SEALED_DOCUMENT (LIMIT_DOCUMENT + INSIDE_MAX)
#define LIMIT_SIGNATURES_FILE (8u * 1024 * 1024) /* with revocation data */
#define VERSION_MADE_BY 20u   /* FAT, 2.0: no attributes of any system */
#define VERSION_NEEDED 10u    /* stored files only */
#define DOS_DATE_1980 0x0021u /* 1980-01-01: a ZIP has no earlier day and none absent */

#define RECORD_NAME "record.ers"
#define RECORD_MEDIA_TYPE "application/octet-stream"
#define PARALLEL_NAME "document-parallel.xml"
#define COUNTER_NAME "document-counter.xml"

#define ENTRY(path, type)                                                                \
	"<manifest:file-entry manifest:full-path=\"" path                                \
	"\" manifest:media-type=\"" type "\"/>\n"

/* OpenDocument's list of files, as a container with XAdES signatures has it. */
/* clang-format off */
#define MANIFEST_OF(more)                                                                \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                      \
	"<manifest:manifest manifest:version=\"1.2\""                                    \
	" xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\">\n"       \
	ENTRY("/", ASIC_MEDIA_TYPE)                                                      \
	ENTRY("document.xml", "application/xml")                                         \
	ENTRY("report.json", "application/json")                                         \
	ENTRY("receipt.json", "application/json")                                        \
	more                                                                             \
	"</manifest:manifest>\n"
/* clang-format on */
#define WITH_RECORD ENTRY(RECORD_NAME, RECORD_MEDIA_TYPE)
#define WITH_PARALLEL ENTRY(PARALLEL_NAME, "application/xml")
#define WITH_COUNTER ENTRY(COUNTER_NAME, "application/xml")

/* By the optional parts that are there, a bit each in their order. */
static const char *const MANIFESTS[ASIC_CHOICES] = {
	MANIFEST_OF(""),
	MANIFEST_OF(WITH_RECORD),
	MANIFEST_OF(WITH_PARALLEL),
	MANIFEST_OF(WITH_RECORD WITH_PARALLEL),
	MANIFEST_OF(WITH_COUNTER),
	MANIFEST_OF(WITH_RECORD WITH_COUNTER),
	MANIFEST_OF(WITH_PARALLEL WITH_COUNTER),
	MANIFEST_OF(WITH_RECORD WITH_PARALLEL WITH_COUNTER),
};

static const char *const MEDIA_TYPES[ASIC_CHOICES] = { ASIC_MEDIA_TYPE, ASIC_MEDIA_TYPE,
	ASIC_MEDIA_TYPE, ASIC_MEDIA_TYPE, ASIC_MEDIA_TYPE, ASIC_MEDIA_TYPE,
	ASIC_MEDIA_TYPE, ASIC_MEDIA_TYPE };

const struct asic_file ASIC_FORM[ASIC_FILES] = {
	{ "mimetype", ASIC_PARTS, MEDIA_TYPES, "text/plain",
		sizeof(ASIC_MEDIA_TYPE) - 1 },
	{ "document.xml", ASIC_DOCUMENT, NULL, "application/xml", LIMIT_DOCUMENT },
	{ "report.json", ASIC_REPORT, NULL, "application/json", LIMIT_REPORT },
	{ "receipt.json", ASIC_RECEIPT, NULL, "application/json", LIMIT_RECEIPT },
	{ RECORD_NAME, ASIC_RECORD, NULL, RECORD_MEDIA_TYPE, LIMIT_RECORD },
	{ PARALLEL_NAME, ASIC_PARALLEL, NULL, "application/xml", LIMIT_SEALED_DOCUMENT },
	{ COUNTER_NAME, ASIC_COUNTER, NULL, "application/xml", LIMIT_SEALED_DOCUMENT },
	{ "META-INF/manifest.xml", ASIC_PARTS, MANIFESTS, "text/xml",
		sizeof(MANIFEST_OF(WITH_RECORD WITH_PARALLEL WITH_COUNTER)) - 1 },
	{ "META-INF/signatures001.xml", ASIC_SIGNATURES, NULL, "text/xml",
		LIMIT_SIGNATURES_FILE },
};

const char *asic_constant(const struct asic *a, size_t file)
{
	size_t choice = 0;

	for (int i = ASIC_RECORD; i < ASIC_SIGNATURES; i++)
		if (asic_has(a, (enum asic_part)i))
			choice |= (size_t)1 << (i - ASIC_RECORD);
	return ASIC_FORM[file].contents ? ASIC_FORM[file].contents[choice] : NULL;
}

bool asic_is_there(const struct asic *a, size_t file)
{
	return ASIC_FORM[file].part == ASIC_PARTS || asic_has(a, ASIC_FORM[file].part);
}

static const struct asic_file *file_of(enum asic_part part)
{
	for (size_t i = 0; i < ASIC_FILES; i++)
		if (ASIC_FORM[i].part == part && part != ASIC_PARTS)
			return &ASIC_FORM[i];
	return &ASIC_FORM[0];
}

const char *asic_name(enum asic_part part)
{
	return file_of(part)->name;
}

const char *asic_media_type(enum asic_part part)
{
	return file_of(part)->media_type;
}

size_t asic_limit(enum asic_part part)
{
	return file_of(part)->limit;
}

struct asic_record asic_record_of(struct span content, size_t offset)
{
	return (struct asic_record){
		.crc = (uint32_t)crc32_z(0, content.data, content.len),
		.size = (uint32_t)content.len,
		.offset = (uint32_t)offset,
	};
}

/* A field of n octets, little-endian. */
static uint8_t *put(uint8_t *p, uint32_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*p++ = (uint8_t)(value >> 8 * i);
	return p;
}

/* From "version needed" to "extra field length": the same in both headers. */
static uint8_t *put_common(uint8_t *p, const struct asic_record *r, size_t name_len)
{
	p = put(p, VERSION_NEEDED, 2);
	p = put(p, 0, 2); /* flags */
	p = put(p, 0, 2); /* method: stored */
	p = put(p, 0, 2); /* time */
	p = put(p, DOS_DATE_1980, 2);
	p = put(p, r->crc, 4);
	p = put(p, r->size, 4); /* compressed */
	p = put(p, r->size, 4);
	p = put(p, (uint32_t)name_len, 2);
	return put(p, 0, 2); /* extra field */
}

static size_t put_name(uint8_t *start, uint8_t *p, const char *name, size_t len)
{
	memcpy(p, name, len);
	return (size_t)(p - start) + len;
}

size_t asic_local_header(
	size_t file, const struct asic_record *r, uint8_t ret[ASIC_LOCAL_MAX])
{
	const char *name = ASIC_FORM[file].name;
	uint8_t *p = put(ret, 0x04034b50u, 4);

	p = put_common(p, r, strlen(name));
	return put_name(ret, p, name, strlen(name));
}

size_t asic_central_header(
	size_t file, const struct asic_record *r, uint8_t ret[ASIC_CENTRAL_MAX])
{
	const char *name = ASIC_FORM[file].name;
	uint8_t *p = put(ret, 0x02014b50u, 4);

	p = put(p, VERSION_MADE_BY, 2);
	p = put_common(p, r, strlen(name));
	p = put(p, 0, 2); /* comment */
	p = put(p, 0, 2); /* disk */
	p = put(p, 0, 2); /* internal attributes */
	p = put(p, 0, 4); /* external attributes */
	p = put(p, r->offset, 4);
	return put_name(ret, p, name, strlen(name));
}

size_t asic_end_record(
	size_t files, size_t offset, size_t size, uint8_t ret[ASIC_END_SIZE])
{
	uint8_t *p = put(ret, 0x06054b50u, 4);

	p = put(p, 0, 2); /* this disk */
	p = put(p, 0, 2); /* disk of the directory */
	p = put(p, (uint32_t)files, 2);
	p = put(p, (uint32_t)files, 2);
	p = put(p, (uint32_t)size, 4);
	p = put(p, (uint32_t)offset, 4);
	p = put(p, 0, 2); /* comment */
	return (size_t)(p - ret);
}
