/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/asic_form.h"

#include "common/limits.h"

#include <errno.h>

static struct span content_of(const struct asic *a, size_t file)
{
	const char *constant = asic_constant(a, file);

	return constant ? span_str(constant) : a->parts[ASIC_FORM[file].part];
}

static int write_files(
	const struct asic *a, size_t start, struct asic_record *records, struct buf *ret)
{
	for (size_t i = 0; i < ASIC_FILES; i++) {
		struct span content = content_of(a, i);
		uint8_t header[ASIC_LOCAL_MAX];
		size_t len;

		if (!asic_is_there(a, i))
			continue;
		if (content.len > ASIC_FORM[i].limit)
			return -E2BIG;
		records[i] = asic_record_of(content, ret->len - start);
		len = asic_local_header(i, &records[i], header);
		buf_add(ret, header, len);
		buf_add_span(ret, content);
	}
	return ret->error;
}

int asic_write(const struct asic *a, struct buf *ret)
{
	struct asic_record records[ASIC_FILES];
	uint8_t header[ASIC_CENTRAL_MAX];
	size_t start = ret->len, directory, files = 0;
	int r = write_files(a, start, records, ret);

	if (r < 0)
		return r;
	directory = ret->len - start;
	for (size_t i = 0; i < ASIC_FILES; i++) {
		if (!asic_is_there(a, i))
			continue;
		files++;
		buf_add(ret, header, asic_central_header(i, &records[i], header));
	}
	buf_add(ret, header,
		asic_end_record(files, directory, ret->len - start - directory, header));
	if (ret->error)
		return ret->error;
	return ret->len - start > LIMIT_CONTAINER ? -E2BIG : 0;
}
