/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * ZIP files of any content that are right in themselves, for what the canonical form must
 * refuse; never the form's own writer.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_ZIPPED_H
#define SEALGATE_TESTS_EVIDENCE_ZIPPED_H

#include "common/buf.h"
#include "common/span.h"

#include <zlib.h>

#define ZIPPED_MAX 16

struct zipped_file {
	char name[64];
	struct span content;
};

struct zipped {
	struct zipped_file files[ZIPPED_MAX];
	size_t count;
};

static inline uint32_t zipped_number(const uint8_t *p, size_t octets)
{
	uint32_t n = 0;

	for (size_t i = 0; i < octets; i++)
		n |= (uint32_t)p[i] << 8 * i;
	return n;
}

static inline void zipped_add(struct buf *b, uint64_t number, size_t octets)
{
	for (size_t i = 0; i < octets; i++)
		buf_add(b, &(uint8_t){ (uint8_t)(number >> 8 * i) }, 1);
}

/* The files of a ZIP whose entries are stored one behind the other. */
static inline void zipped_read(struct span zip, struct zipped *ret)
{
	const uint8_t *p = zip.data;

	*ret = (struct zipped){ 0 };
	while (zipped_number(p, 4) == 0x04034b50) {
		struct zipped_file *f = &ret->files[ret->count++];
		size_t size = zipped_number(p + 22, 4), name = zipped_number(p + 26, 2);

		memcpy(f->name, p + 30, name);
		f->content = span_of(p + 30 + name, size);
		p += 30 + name + size;
	}
}

/* What local and central header have in common, from the flags on. */
static inline void zipped_entry(struct buf *b, const struct zipped_file *f)
{
	uint32_t crc = (uint32_t)crc32(0, f->content.data, (uInt)f->content.len);

	zipped_add(b, 0, 4);	    /* flags, stored */
	zipped_add(b, 0x210000, 4); /* midnight, 1980-01-01 */
	zipped_add(b, crc, 4);
	zipped_add(b, f->content.len, 4);
	zipped_add(b, f->content.len, 4);
	zipped_add(b, strlen(f->name), 2);
	zipped_add(b, 0, 2); /* no extra field */
}

static inline void zipped_write(const struct zipped *z, struct buf *ret)
{
	size_t at[ZIPPED_MAX], directory;

	for (size_t i = 0; i < z->count; i++) {
		at[i] = ret->len;
		zipped_add(ret, 0x04034b50, 4);
		zipped_add(ret, 10, 2);
		zipped_entry(ret, &z->files[i]);
		buf_add_str(ret, z->files[i].name);
		buf_add(ret, z->files[i].content.data, z->files[i].content.len);
	}
	directory = ret->len;
	for (size_t i = 0; i < z->count; i++) {
		zipped_add(ret, 0x02014b50, 4);
		zipped_add(ret, 10 << 16 | 20, 4);
		zipped_entry(ret, &z->files[i]);
		zipped_add(ret, 0, 8); /* comment, disk, attributes */
		zipped_add(ret, 0, 2);
		zipped_add(ret, at[i], 4);
		buf_add_str(ret, z->files[i].name);
	}
	directory = ret->len - directory;
	zipped_add(ret, 0x06054b50, 4);
	zipped_add(ret, 0, 4);
	zipped_add(ret, z->count << 16 | z->count, 4);
	zipped_add(ret, directory, 4);
	zipped_add(ret, ret->len - directory - 16, 4);
	zipped_add(ret, 0, 2);
}

#endif
