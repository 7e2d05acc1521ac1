/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/asic_form.h"

#include "common/encode.h"
#include "common/limits.h"

#include <stdarg.h>
#include <stdio.h>

/* Fields of the headers, to say which one differs; the name follows the last. */
struct field {
	size_t end;
	const char *name;
};

static const struct field LOCAL[] = { { 4, "signature" }, { 6, "version needed" },
	{ 8, "flags" }, { 10, "method" }, { 12, "time" }, { 14, "date" },
	{ 18, "CRC-32" }, { 22, "compressed size" }, { 26, "size" },
	{ 28, "name length" }, { 30, "extra field length" }, { SIZE_MAX, "name" } };
static const struct field CENTRAL[] = { { 4, "signature" }, { 6, "version made by" },
	{ 8, "version needed" }, { 10, "flags" }, { 12, "method" }, { 14, "time" },
	{ 16, "date" }, { 20, "CRC-32" }, { 24, "compressed size" }, { 28, "size" },
	{ 30, "name length" }, { 32, "extra field length" }, { 34, "comment length" },
	{ 36, "disk" }, { 38, "internal attributes" }, { 42, "external attributes" },
	{ 46, "offset" }, { SIZE_MAX, "name" } };
static const struct field END[] = { { 4, "signature" }, { 6, "disk" },
	{ 8, "disk of the directory" }, { 10, "entries on this disk" }, { 12, "entries" },
	{ 16, "size of the directory" }, { 20, "offset of the directory" },
	{ SIZE_MAX, "comment length" } };
static const struct field CONTENT[] = { { SIZE_MAX, "content" } };

struct reader {
	struct span in;
	size_t at;
	struct findings *findings;
};

static const char *field_at(const struct field *fields, size_t offset)
{
	while (offset >= fields->end)
		fields++;
	return fields->name;
}

/* One refusal at an offset with up to eight octets of what is there. Return: 0. */
__attribute__((format(printf, 4, 5))) static int refuse(
	const struct reader *r, const char *code, size_t at, const char *format, ...)
{
	char where[40], received[2 * 8 + 1], message[240];
	size_t n = at < r->in.len ? r->in.len - at : 0;
	va_list ap;

	received[0] = '\0';
	if (n)
		hex_encode(r->in.data + at, n < 8 ? n : 8, received);
	(void)snprintf(where, sizeof(where), "offset %zu", at);
	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	findings_add(r->findings, code, where, received, message);
	return 0;
}

/* The next octets must be exactly these. Return: 1 and past them, 0 with a finding. */
static int expect(struct reader *r, const uint8_t *octets, size_t len, const char *what,
	const char *name, const struct field *fields)
{
	size_t left = r->in.len - r->at;

	for (size_t i = 0; i < len; i++) {
		if (i >= left)
			return refuse(r, "evidence.form", r->at + i,
				"The container ends within the %s of %s.", what, name);
		if (r->in.data[r->at + i] != octets[i])
			return refuse(r, "evidence.form", r->at + i,
				"%s of %s: octet %zu (%s) is 0x%02x, the form has "
				"0x%02x.",
				what, name, i, field_at(fields, i), r->in.data[r->at + i],
				octets[i]);
	}
	r->at += len;
	return 1;
}

/* The size that the local header at the cursor states; SIZE_MAX when there is no room for
 * a header or for that many octets behind it. */
static size_t stated_size(const struct reader *r, size_t file)
{
	size_t header = ASIC_LOCAL_SIZE + strlen(ASIC_FORM[file].name);
	size_t left = r->in.len - r->at, size;
	const uint8_t *p;

	if (left < header)
		return SIZE_MAX;
	p = r->in.data + r->at + 22;
	size = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	return size > left - header ? SIZE_MAX : size;
}

/* Does the local header at the cursor, for which there is room, have this name? */
static bool is_named(const struct reader *r, const char *name)
{
	const uint8_t *p = r->in.data + r->at;
	size_t len = strlen(name);

	return ((size_t)p[26] | (size_t)p[27] << 8) == len &&
	       memcmp(p + ASIC_LOCAL_SIZE, name, len) == 0;
}

/* Is a part that may be absent the next file? */
static bool follows(const struct reader *r, size_t file)
{
	return stated_size(r, file) != SIZE_MAX && is_named(r, ASIC_FORM[file].name);
}

static int read_file(struct reader *r, const struct asic *a, size_t file,
	struct asic_record *ret_record, struct span *ret_content)
{
	const struct asic_file *f = &ASIC_FORM[file];
	const char *constant = asic_constant(a, file);
	uint8_t header[ASIC_LOCAL_MAX];
	size_t start = r->at, size = stated_size(r, file), len;

	if (size == SIZE_MAX)
		return refuse(r, "evidence.form", start,
			"There is no room for %s with its local header.", f->name);
	if (!is_named(r, f->name))
		return refuse(r, "evidence.form", start + ASIC_LOCAL_SIZE,
			"Another file is where the form has %s.", f->name);
	if (size > f->limit)
		return refuse(r, "evidence.size", start + 22,
			"%s has %zu octets, the limit is %zu.", f->name, size, f->limit);
	*ret_content =
		span_of(r->in.data + start + ASIC_LOCAL_SIZE + strlen(f->name), size);
	*ret_record = asic_record_of(*ret_content, start);
	len = asic_local_header(file, ret_record, header);
	if (!expect(r, header, len, "local header", f->name, LOCAL))
		return 0;
	if (asic_optional(f->part) && size == 0)
		return refuse(r, "evidence.form", r->at, "%s is empty.", f->name);
	if (constant && (size != strlen(constant) ||
				memcmp(ret_content->data, constant, size) != 0))
		return expect(r, (const uint8_t *)constant, strlen(constant), "content",
			       f->name, CONTENT) &&
		       refuse(r, "evidence.form", r->at, "%s has more octets.", f->name);
	r->at += size;
	return 1;
}

static int read_directory(
	struct reader *r, const struct asic *a, const struct asic_record *records)
{
	uint8_t header[ASIC_CENTRAL_MAX];
	size_t start = r->at, len, files = 0;

	for (size_t i = 0; i < ASIC_FILES; i++) {
		if (!asic_is_there(a, i))
			continue;
		files++;
		len = asic_central_header(i, &records[i], header);
		if (!expect(r, header, len, "central header", ASIC_FORM[i].name, CENTRAL))
			return 0;
	}
	len = asic_end_record(files, start, r->at - start, header);
	if (!expect(r, header, len, "end record", "the central directory", END))
		return 0;
	if (r->at != r->in.len)
		return refuse(r, "evidence.form", r->at,
			"%zu octets follow the end of the container.", r->in.len - r->at);
	return 1;
}

int asic_read(struct span container, struct findings *findings, struct asic *ret_asic)
{
	struct reader r = { .in = container, .findings = findings };
	struct asic_record records[ASIC_FILES];
	struct asic a = { 0 };

	if (container.len > LIMIT_CONTAINER)
		return refuse(&r, "evidence.size", 0,
			"The container has %zu octets, the limit is %u.", container.len,
			LIMIT_CONTAINER);
	for (size_t i = 0; i < ASIC_FILES; i++) {
		struct span content;

		if (asic_optional(ASIC_FORM[i].part) && !follows(&r, i))
			continue;
		if (!read_file(&r, &a, i, &records[i], &content))
			return 0;
		if (ASIC_FORM[i].part != ASIC_PARTS)
			a.parts[ASIC_FORM[i].part] = content;
	}
	if (!read_directory(&r, &a, records))
		return 0;
	*ret_asic = a;
	return 1;
}
