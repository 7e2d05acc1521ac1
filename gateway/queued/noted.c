/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/noted.h"

#include "common/durable.h"
#include "common/encode.h"
#include "queue/audit.h"
#include "queued/head.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int path_of(const struct batch *b, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", b->folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* One without the chain's end was made before there was any in it. */
static int held(const struct batch *b, struct span end)
{
	struct engine_head head;

	if (end.len == 0)
		return 1;
	if (audit_head_read(end, &head.position, head.chain) < 0)
		return 0;
	return head_holds(b->engine, &head);
}

int noted_read(const struct batch *b, const char *name, char ret_text[NOTED_SIZE])
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0, line;
	int r = path_of(b, name, path);

	if (r == 0)
		r = file_read(path, NOTED_SIZE + SHA256_TEXT_SIZE + 32, &text, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	line = strcspn((const char *)text, "\n");
	if (line >= NOTED_SIZE)
		return -EINVAL;
	r = held(b, line < len ? span_of(text + line + 1, len - line - 1)
			       : (struct span){ 0 });
	if (r > 0)
		(void)snprintf(
			ret_text, NOTED_SIZE, "%.*s", (int)line, (const char *)text);
	return r;
}

int noted_write(const struct batch *b, const char *name, const char *text)
{
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE],
		all[NOTED_SIZE + SHA256_TEXT_SIZE + 32];
	int r = path_of(b, name, path);

	if (r < 0)
		return r;
	hex_encode(b->head.chain, SHA256_SIZE, hex);
	if (snprintf(all, sizeof(all), "%s\n%lld:%s\n", text, (long long)b->head.position,
		    hex) >= (int)sizeof(all))
		return -EINVAL;
	return durable_write(path, span_str(all), 0600);
}
