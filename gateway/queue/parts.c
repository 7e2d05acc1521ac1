/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/parts.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int parts_digest(const json_t *parts, char ret_digest[SHA256_TEXT_SIZE])
{
	size_t n = json_array_size(parts);
	_cleanup_(freep) const char **texts = calloc(n + 1, sizeof(*texts));
	_cleanup_buf_ struct buf lines;

	buf_init(&lines, QUEUE_JSON_MAX);
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		texts[i] = json_string_of(json_array_get(parts, i), "sha256");
		if (!texts[i])
			return -EINVAL;
	}
	qsort(texts, n, sizeof(*texts), by_text);
	for (size_t i = 0; i < n; i++)
		buf_addf(&lines, "%s\n", texts[i]);
	return lines.error ? lines.error
			   : digest_sha256_text(buf_span(&lines), ret_digest);
}
