/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/draft.h"

#include <errno.h>

/* The end of what starts with "<!--", "<![CDATA[" or "<?". */
static const uint8_t *skip_to(const uint8_t *at, const uint8_t *end, const char *mark)
{
	const uint8_t *found = memmem(at, (size_t)(end - at), mark, strlen(mark));

	return found ? found + strlen(mark) : NULL;
}

/* The end of a tag; quoted values may hold ">". */
static const uint8_t *skip_tag(const uint8_t *at, const uint8_t *end, bool *ret_empty)
{
	for (; at < end; at++) {
		if (*at == '"' || *at == '\'') {
			at = memchr(at + 1, *at, (size_t)(end - at - 1));
			if (!at)
				return NULL;
		} else if (*at == '>') {
			*ret_empty = at[-1] == '/';
			return at + 1;
		}
	}
	return NULL;
}

static bool starts(const uint8_t *at, const uint8_t *end, const char *mark)
{
	size_t n = strlen(mark);

	return (size_t)(end - at) >= n && memcmp(at, mark, n) == 0;
}

/* The text has been read as well-formed XML without DOCTYPE, so counting tags is enough.
 */
int end_tag_offset(struct span text, size_t n, size_t *ret_at)
{
	const uint8_t *at = text.data, *end = text.data + text.len;
	size_t seen = 0, depth = 0, wanted = 0;

	while (at && (at = memchr(at, '<', (size_t)(end - at)))) {
		bool empty = false;

		if (starts(at, end, "<!--")) {
			at = skip_to(at + 4, end, "-->");
		} else if (starts(at, end, "<![CDATA[")) {
			at = skip_to(at, end, "]]>");
		} else if (starts(at, end, "<?")) {
			at = skip_to(at, end, "?>");
		} else if (starts(at, end, "</")) {
			if (depth-- == wanted && wanted > 0) {
				*ret_at = (size_t)(at - text.data);
				return 0;
			}
			at = skip_tag(at, end, &empty);
		} else {
			at = skip_tag(at + 1, end, &empty);
			if (seen++ == n && empty)
				return -EINVAL;
			depth += !empty;
			if (seen == n + 1 && wanted == 0)
				wanted = depth;
		}
	}
	return -EINVAL;
}
