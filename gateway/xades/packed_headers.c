/* SPDX-License-Identifier: EUPL-1.2 */
/* Some readers of ZIP follow the central directory, others the local headers: what the
 * two say must be the same, and leave no room for a file that only one of them has. */
#include "xades/packed.h"

#include "xml/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LOCAL_SIZE 30u
#define CENTRAL_SIZE 46u
#define END_SIZE 22u
#define COMMENT_MAX 65535u
#define LOCAL_MARK 0x04034b50u
#define CENTRAL_MARK 0x02014b50u
#define DESCRIPTOR_MARK 0x08074b50u
#define END_MARK 0x06054b50u
#define LOCATOR_MARK 0x07064b50u
#define LOCATOR_SIZE 20u
#define ALL_ONES 0xffffffffu
#define HALF_ONES 0xffffu
#define FLAG_ENCRYPTED 0x0001u
#define FLAG_DESCRIPTOR 0x0008u
#define FLAGS_COMPARED 0xfff9u /* but the two that say how hard was compressed */
#define EXTRA_ZIP64 0x0001u
#define EXTRA_NAME 0x7075u /* a second name, which only some readers take */

struct end {
	size_t at; /* of the record */
	uint32_t count, offset;
	bool wide; /* what it says, or more of it, stands in a record of ZIP64 */
};

static uint32_t get(const uint8_t *p, size_t n)
{
	uint32_t value = 0;

	for (size_t i = n; i > 0; i--)
		value = value << 8 | p[i - 1];
	return value;
}

__attribute__((format(printf, 4, 5))) static int refuse(
	struct findings *f, const char *code, struct span name, const char *format, ...)
{
	char where[PACKED_NAME_MAX + 1], message[200];
	size_t len = name.len < PACKED_NAME_MAX ? name.len : PACKED_NAME_MAX;
	va_list ap;

	if (len > 0)
		memcpy(where, name.data, len);
	where[len] = '\0';
	if (utf8_check(span_of(where, len), &(const uint8_t *){ NULL }) != len)
		where[0] = '\0';
	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	findings_add(f, code, where, NULL, message);
	return 0;
}

static const struct span NOWHERE = { NULL, 0 };

/* A record of ZIP64 can say otherwise than the one that every reader knows. */
static bool end_is_wide(struct span zip, size_t at)
{
	const uint8_t *p = zip.data + at;

	return get(p + 8, 2) == HALF_ONES || get(p + 10, 2) == HALF_ONES ||
	       get(p + 12, 4) == ALL_ONES || get(p + 16, 4) == ALL_ONES ||
	       (at >= LOCATOR_SIZE && get(p - LOCATOR_SIZE, 4) == LOCATOR_MARK);
}

static int refuse_wide(struct findings *f, struct span name)
{
	return refuse(f, "asic.zip64", name,
		"Sizes or places stand in fields of ZIP64 (64 bits), which are not "
		"read.");
}

/* The record that ends the container; its comment reaches to the last octet. */
static int find_end(struct span zip, struct findings *f, struct end *ret)
{
	size_t most = END_SIZE + COMMENT_MAX, found = 0;
	size_t from = zip.len > most ? zip.len - most : 0;

	for (size_t at = from; zip.len >= END_SIZE && at <= zip.len - END_SIZE; at++) {
		const uint8_t *p = zip.data + at;

		if (get(p, 4) != END_MARK || at + END_SIZE + get(p + 20, 2) != zip.len)
			continue;
		found++;
		*ret = (struct end){ at, get(p + 10, 2), get(p + 16, 4),
			ret->wide || end_is_wide(zip, at) };
		if (get(p + 4, 4) != 0 || get(p + 8, 2) != ret->count ||
			(uint64_t)ret->offset + get(p + 12, 4) != at)
			found += 2;
	}
	if (ret->wide)
		return refuse_wide(f, NOWHERE);
	if (found == 1 && ret->count > 0 && ret->count <= PACKED_FILES_MAX)
		return 1;
	return refuse(f, found == 1 ? "asic.size" : "asic.zip", NOWHERE,
		found == 1 ? "The container has %u files; it may have 1 to %u."
			   : "There is no single end of one central directory (several "
			     "parts are not read).",
		found == 1 ? ret->count : 0, PACKED_FILES_MAX);
}

/* A path below the container, in UTF-8, that means the same everywhere. */
static bool name_is_safe(struct span name)
{
	const uint8_t *p = name.data, *bidi = NULL;
	size_t start = 0;

	if (name.len == 0 || name.len > PACKED_NAME_MAX || *p == '/' ||
		utf8_check(name, &bidi) != name.len || bidi ||
		(name.len > 1 && p[1] == ':'))
		return false;
	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && (p[i] < 0x20 || p[i] == 0x7f || p[i] == '\\'))
			return false;
		if (i < name.len && p[i] != '/')
			continue;
		if ((i == start && i < name.len) || (i == start + 1 && p[start] == '.') ||
			(i == start + 2 && p[start] == '.' && p[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

/* A field of the extra fields; NULL data: absent. Malformed ones count as absent. */
static struct span extra_of(const uint8_t *p, size_t len, uint32_t id)
{
	while (len >= 4 && get(p + 2, 2) <= len - 4) {
		size_t n = get(p + 2, 2);

		if (get(p, 2) == id)
			return span_of(p + 4, n);
		p += 4 + n;
		len -= 4 + n;
	}
	return NOWHERE;
}

static bool second_name_differs(const uint8_t *p, size_t len, struct span name)
{
	struct span other = extra_of(p, len, EXTRA_NAME);

	return other.data &&
	       (other.len < 5 ||
		       !span_equal(span_of(other.data + 5, other.len - 5), name));
}

/* One entry of the central directory at *at, and past it. */
static int read_central(struct span zip, const struct end *end, size_t *at,
	struct findings *f, struct packed_header *ret)
{
	const uint8_t *p = zip.data + *at;
	size_t left = end->at - *at, name, extra, comment;

	if (left < CENTRAL_SIZE || get(p, 4) != CENTRAL_MARK)
		return refuse(f, "asic.zip", NOWHERE,
			"The central directory has no entry at octet %zu.", *at);
	name = get(p + 28, 2);
	extra = get(p + 30, 2);
	comment = get(p + 32, 2);
	if (left - CENTRAL_SIZE < name + extra + comment)
		return refuse(
			f, "asic.zip", NOWHERE, "The central directory is cut off.");
	*ret = (struct packed_header){ .name = span_of(p + CENTRAL_SIZE, name),
		.flags = get(p + 8, 2),
		.method = get(p + 10, 2),
		.stamp = get(p + 12, 4),
		.crc = get(p + 16, 4),
		.packed = get(p + 20, 4),
		.size = get(p + 24, 4),
		.offset = get(p + 42, 4) };
	*at += CENTRAL_SIZE + name + extra + comment;
	if (!name_is_safe(ret->name))
		return refuse(f, "asic.name", ret->name,
			"A name in the container leads elsewhere, is not UTF-8 or does "
			"not mean the same everywhere.");
	if (second_name_differs(p + CENTRAL_SIZE + name, extra, ret->name))
		return refuse(f, "asic.headers", ret->name, "It has two names.");
	if (ret->packed == ALL_ONES || ret->size == ALL_ONES || ret->offset == ALL_ONES)
		return refuse_wide(f, ret->name);
	if (ret->flags & FLAG_ENCRYPTED || (ret->method != 0 && ret->method != 8) ||
		get(p + 34, 2) != 0)
		return refuse(f, "asic.zip", ret->name,
			"It is encrypted, in another part, or neither stored nor "
			"deflated.");
	return 1;
}

/* Sizes in a local header: those of the directory, zero when they follow the octets, or
 * the mark that they stand in 64 bits. */
static bool sizes_agree(const struct packed_header *h, const uint8_t *p)
{
	uint32_t crc = get(p + 14, 4), packed = get(p + 18, 4), size = get(p + 22, 4);
	bool later = h->flags & FLAG_DESCRIPTOR;
	struct span wide =
		extra_of(p + LOCAL_SIZE + get(p + 26, 2), get(p + 28, 2), EXTRA_ZIP64);

	if (packed == ALL_ONES && size == ALL_ONES && wide.len >= 16 &&
		get(wide.data + 4, 4) == 0 && get(wide.data + 12, 4) == 0) {
		size = get(wide.data, 4);
		packed = get(wide.data + 8, 4);
	}
	return (crc == h->crc && packed == h->packed && size == h->size) ||
	       (later && crc == 0 && packed == 0 && size == 0);
}

static int read_local(struct span zip, const struct end *end, struct findings *f,
	struct packed_header *h)
{
	const uint8_t *p = zip.data + h->offset;
	size_t left = h->offset < end->offset ? end->offset - h->offset : 0, name, extra;

	if (left < LOCAL_SIZE || get(p, 4) != LOCAL_MARK)
		return refuse(f, "asic.headers", h->name, "It has no local header.");
	name = get(p + 26, 2);
	extra = get(p + 28, 2);
	if (left - LOCAL_SIZE < name + extra ||
		left - LOCAL_SIZE - name - extra < h->packed)
		return refuse(f, "asic.headers", h->name,
			"It does not end before the central directory.");
	if (!span_equal(span_of(p + LOCAL_SIZE, name), h->name))
		return refuse(f, "asic.headers", h->name,
			"Its local header has another name than the central directory.");
	if ((get(p + 6, 2) & FLAGS_COMPARED) != (h->flags & FLAGS_COMPARED) ||
		get(p + 8, 2) != h->method || get(p + 10, 4) != h->stamp ||
		!sizes_agree(h, p) ||
		second_name_differs(p + LOCAL_SIZE + name, extra, h->name))
		return refuse(f, "asic.headers", h->name,
			"Its local header says otherwise than the central directory.");
	h->extra = (uint32_t)extra;
	h->data = h->offset + LOCAL_SIZE + (uint32_t)(name + extra);
	return 1;
}

/* CRC and sizes behind the octets, with or without a mark, in 32 or 64 bits. */
static bool is_descriptor(const struct packed_header *h, const uint8_t *p, size_t len)
{
	size_t wide;

	if (len == 16 || len == 24) {
		if (get(p, 4) != DESCRIPTOR_MARK)
			return false;
		p += 4;
		len -= 4;
	}
	wide = len == 20 ? 8 : 4;
	if ((len != 12 && len != 20) || get(p, 4) != h->crc ||
		get(p + 4, 4) != h->packed || get(p + 4 + wide, 4) != h->size)
		return false;
	return wide == 4 || (get(p + 8, 4) == 0 && get(p + 16, 4) == 0);
}

static int by_offset(const void *a, const void *b)
{
	const struct packed_header *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int by_name(const void *a, const void *b)
{
	const struct span *x = *(const struct span *const *)a,
			  *y = *(const struct span *const *)b;
	size_t least = x->len < y->len ? x->len : y->len;
	int r = memcmp(x->data, y->data, least);

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

/* The files one after another, from the first octet to the directory. */
static int check_layout(struct span zip, const struct end *end, struct findings *f,
	struct packed_header *list)
{
	size_t next = 0;

	for (uint32_t i = 0; i < end->count; i++) {
		struct packed_header *h = &list[i];
		size_t stop = i + 1 < end->count ? list[i + 1].offset : end->offset;
		size_t last = (size_t)h->data + h->packed;

		if (h->offset != next || last > stop)
			return refuse(f, "asic.headers", h->name,
				"Octets belong to two files, or to none.");
		if (h->flags & FLAG_DESCRIPTOR
				? !is_descriptor(h, zip.data + last, stop - last)
				: last != stop)
			return refuse(f, "asic.headers", h->name,
				"What follows its octets is not what the central "
				"directory says.");
		next = stop;
	}
	return 1;
}

static int check_names(struct findings *f, const struct packed_header *list, size_t n)
{
	const struct span **names = calloc(n, sizeof(*names));
	int r = 1;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		names[i] = &list[i].name;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 1; r == 1 && i < n; i++)
		if (span_equal(*names[i - 1], *names[i]))
			r = refuse(f, "asic.duplicate", *names[i],
				"Two files of the container have one name.");
	free(names);
	return r;
}

static int check_sizes(
	struct span zip, struct findings *f, const struct packed_header *list, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += list[i].size;
	if (total > PACKED_RATIO_FROM && total / PACKED_RATIO_MAX > zip.len)
		return refuse(f, "asic.bomb", NOWHERE, "%zu octets would become %llu.",
			zip.len, (unsigned long long)total);
	if (total > PACKED_OCTETS_MAX)
		return refuse(f, "asic.size", NOWHERE,
			"The files have %llu octets unpacked, the limit is %u.",
			(unsigned long long)total, PACKED_OCTETS_MAX);
	return 1;
}

static int read_all(struct span zip, const struct end *end, struct findings *f,
	struct packed_header *list)
{
	size_t at = end->offset;
	int r = 1;

	for (uint32_t i = 0; r == 1 && i < end->count; i++) {
		r = read_central(zip, end, &at, f, &list[i]);
		list[i].index = i;
	}
	if (r == 1 && at != end->at)
		r = refuse(f, "asic.zip", NOWHERE,
			"The central directory has more than its entries.");
	for (uint32_t i = 0; r == 1 && i < end->count; i++)
		r = read_local(zip, end, f, &list[i]);
	if (r != 1)
		return r;
	qsort(list, end->count, sizeof(*list), by_offset);
	r = check_layout(zip, end, f, list);
	if (r == 1)
		r = check_names(f, list, end->count);
	return r == 1 ? check_sizes(zip, f, list, end->count) : r;
}

int packed_headers(struct span zip, struct findings *findings,
	struct packed_header **ret_headers, size_t *ret_count)
{
	struct end end = { 0 };
	struct packed_header *list;
	int r;

	if (find_end(zip, findings, &end) != 1 || end.count == 0)
		return 0;
	list = calloc(end.count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	r = read_all(zip, &end, findings, list);
	if (r != 1) {
		free(list);
		return r;
	}
	*ret_headers = list;
	*ret_count = end.count;
	return 1;
}
