/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/packed.h"

#include <errno.h>
#include <zip.h>

bool packed_is(struct span data)
{
	return data.len >= 4 && (memcmp(data.data, "PK\003\004", 4) == 0 ||
					memcmp(data.data, "PK\005\006", 4) == 0);
}

void packed_done(struct packed *p)
{
	for (size_t i = 0; p->files && i < p->count; i++) {
		free(p->files[i].data);
		free(p->files[i].name);
	}
	free(p->files);
	free(p->headers);
	*p = (struct packed){ 0 };
}

const struct packed_file *packed_find(const struct packed *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->files[i].name, name) == 0)
			return &p->files[i];
	return NULL;
}

static int refuse(struct findings *f, const struct packed_file *file)
{
	findings_add(f, "asic.zip", file->name, NULL,
		"It cannot be unpacked, or not to what its checksum says.");
	return 0;
}

/* libzip compares the checksum when the last octet was read. */
static int unpack(zip_t *zip, struct findings *f, struct packed_file *file)
{
	size_t size = file->header->size, n = 0;
	uint8_t *data = malloc(size + 1);
	zip_file_t *in = data ? zip_fopen_index(zip, file->header->index, 0) : NULL;
	zip_int64_t got = in ? 1 : -1;

	if (!data)
		return -ENOMEM;
	file->data = data;
	file->len = size;
	while (got > 0 && n <= size) {
		got = zip_fread(in, data + n, size + 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (in && zip_fclose(in) != 0)
		got = -1;
	return got == 0 && n == size ? 1 : refuse(f, file);
}

static int unpack_all(zip_t *zip, struct findings *f, struct packed *p)
{
	int r = 1;

	if (zip_get_num_entries(zip, 0) != (zip_int64_t)p->count)
		return refuse(f, &p->files[0]);
	for (size_t i = 0; r == 1 && i < p->count; i++) {
		struct packed_file *file = &p->files[i];
		const char *name = zip_get_name(zip, file->header->index, ZIP_FL_ENC_RAW);

		r = name && strcmp(name, file->name) == 0 ? unpack(zip, f, file)
							  : refuse(f, file);
	}
	return r;
}

static int open_and_unpack(struct span data, struct findings *f, struct packed *p)
{
	zip_source_t *source = zip_source_buffer_create(data.data, data.len, 0, NULL);
	zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, NULL) : NULL;
	int r;

	if (!zip) {
		zip_source_free(source);
		return source ? refuse(f, &p->files[0]) : -ENOMEM;
	}
	r = unpack_all(zip, f, p);
	zip_discard(zip);
	return r;
}

int packed_read(struct span zip, struct findings *findings, struct packed *ret)
{
	struct packed p = { 0 };
	int r = packed_headers(zip, findings, &p.headers, &p.count);

	if (r != 1)
		return r;
	p.files = calloc(p.count, sizeof(*p.files));
	r = p.files ? 1 : -ENOMEM;
	for (size_t i = 0; r == 1 && i < p.count; i++) {
		const struct packed_header *h = &p.headers[i];

		p.files[i].header = h;
		p.files[i].name = strndup((const char *)h->name.data, h->name.len);
		r = p.files[i].name ? 1 : -ENOMEM;
	}
	if (r == 1)
		r = open_and_unpack(zip, findings, &p);
	if (r != 1) {
		packed_done(&p);
		return r;
	}
	*ret = p;
	return 1;
}
