/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * ZIPs octet by octet, right ones and wrong ones; never used outside tests.
 */
#ifndef SEALGATE_TESTS_XADES_ZIP_HOUSE_H
#define SEALGATE_TESTS_XADES_ZIP_HOUSE_H

#include "tests/unit/xades/one_house.h"

#include <zlib.h>

#define ZIP_FILES 8

/* A file to pack. What is not set is as it should be. */
struct pack {
	const char *name;
	struct span data;
	const char *central_name;   /* NULL: the same */
	unsigned int method, flags; /* 8: deflated */
	bool local_only;	    /* not in the central directory */
	bool later;		    /* sizes follow the octets */
	uint32_t size;		    /* in the central directory; 0: the right one */
	size_t gap;		    /* octets of nothing before it */
	struct span local_extra, central_extra;
};

static UNUSED void put(struct buf *b, uint32_t value, int n)
{
	for (int i = 0; i < n; i++) {
		uint8_t octet = (uint8_t)(value >> 8 * i);

		assert_int_equal(buf_add(b, &octet, 1), 0);
	}
}

static UNUSED void deflate_raw(struct span data, struct buf *ret)
{
	z_stream z = { .avail_in = (uInt)data.len };
	size_t room;
	uint8_t *out;

	memcpy(&z.next_in, &data.data, sizeof(z.next_in));
	assert_int_equal(
		deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	room = deflateBound(&z, data.len);
	out = malloc(room);
	z.next_out = out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(buf_add(ret, out, z.total_out), 0);
	deflateEnd(&z);
	free(out);
}

/* From the flags to the size of the octets: the same in both headers. */
static UNUSED void put_sizes(
	struct buf *b, const struct pack *p, bool zero, size_t packed, uint32_t size)
{
	put(b, p->flags | (p->later ? 8u : 0), 2);
	put(b, p->method, 2);
	put(b, 0x00210000u, 4);
	put(b, zero ? 0 : (uint32_t)crc32_z(0, p->data.data, p->data.len), 4);
	put(b, zero ? 0 : (uint32_t)packed, 4);
	put(b, zero ? 0 : size, 4);
}

static UNUSED void put_local(struct buf *b, const struct pack *p, size_t *ret_packed)
{
	struct buf octets;

	buf_init(&octets, 1u << 28);
	if (p->method == 8)
		deflate_raw(p->data, &octets);
	else
		assert_int_equal(buf_add_span(&octets, p->data), 0);
	put(b, 0x04034b50u, 4);
	put(b, 20, 2);
	put_sizes(b, p, p->later, octets.len, (uint32_t)p->data.len);
	put(b, (uint32_t)strlen(p->name), 2);
	put(b, (uint32_t)p->local_extra.len, 2);
	buf_add_str(b, p->name);
	buf_add_span(b, p->local_extra);
	buf_add_span(b, buf_span(&octets));
	if (p->later) {
		put(b, 0x08074b50u, 4);
		put(b, (uint32_t)crc32_z(0, p->data.data, p->data.len), 4);
		put(b, (uint32_t)octets.len, 4);
		put(b, (uint32_t)p->data.len, 4);
	}
	*ret_packed = octets.len;
	buf_done(&octets);
}

static UNUSED void put_central(
	struct buf *b, const struct pack *p, size_t packed, size_t offset)
{
	const char *name = p->central_name ? p->central_name : p->name;

	put(b, 0x02014b50u, 4);
	put(b, 20, 2);
	put(b, 20, 2);
	put_sizes(b, p, false, packed, p->size ? p->size : (uint32_t)p->data.len);
	put(b, (uint32_t)strlen(name), 2);
	put(b, (uint32_t)p->central_extra.len, 2);
	put(b, 0, 2); /* comment */
	put(b, 0, 4); /* disk, internal attributes */
	put(b, 0, 4); /* external attributes */
	put(b, (uint32_t)offset, 4);
	buf_add_str(b, name);
	buf_add_span(b, p->central_extra);
}

static UNUSED void put_end(struct buf *b, uint32_t count, size_t start)
{
	size_t end = b->len;

	put(b, 0x06054b50u, 4);
	put(b, 0, 4);
	put(b, count, 2);
	put(b, count, 2);
	put(b, (uint32_t)(end - start), 4);
	put(b, (uint32_t)start, 4);
	put(b, 0, 2);
}

/* Pack files up to the one without a name; undo with buf_done. */
static UNUSED struct buf zip_of(const struct pack *files)
{
	size_t offsets[ZIP_FILES], packed[ZIP_FILES], n = 0, start;
	uint32_t count = 0;
	struct buf b;

	buf_init(&b, 1u << 28);
	for (; files[n].name; n++) {
		for (size_t i = 0; i < files[n].gap; i++)
			put(&b, 0, 1);
		offsets[n] = b.len;
		put_local(&b, &files[n], &packed[n]);
	}
	start = b.len;
	for (size_t i = 0; i < n; i++) {
		if (files[i].local_only)
			continue;
		put_central(&b, &files[i], packed[i], offsets[i]);
		count++;
	}
	put_end(&b, count, start);
	assert_int_equal(b.error, 0);
	return b;
}

#endif
