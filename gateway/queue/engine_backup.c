/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/encode.h"
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>

int engine_backup_start(struct engine *e, const char *path)
{
	return e->backend->backup_start ? e->backend->backup_start(e, path) : -EOPNOTSUPP;
}

int engine_backup_step(struct engine *e, int pages)
{
	return e->copy.running ? e->backend->backup_step(e, pages) : 0;
}

void engine_backup_discard(struct engine *e)
{
	if (e->backend->backup_discard)
		e->backend->backup_discard(e);
}

struct engine_backup engine_backup_state(const struct engine *e)
{
	return e->copy;
}

static json_t *head_text(const struct engine_head *head)
{
	char hex[SHA256_TEXT_SIZE], text[SHA256_TEXT_SIZE + 24];

	hex_encode(head->chain, SHA256_SIZE, hex);
	snprintf(text, sizeof(text), "%lld:%s", (long long)head->position, hex);
	return json_string(text);
}

int engine_backup(struct engine *e, enum queue_backup what, int *ret_fd)
{
	const struct engine_backup *s = &e->copy;
	int r = 0;

	if (what == QUEUE_BACKUP_START && s->running)
		return QUEUE_ILLEGAL;
	if (what == QUEUE_BACKUP_START)
		r = e->backend->backup_beside ? e->backend->backup_beside(e)
					      : -EOPNOTSUPP;
	else if (what == QUEUE_BACKUP_DISCARD)
		engine_backup_discard(e);
	else if (what != QUEUE_BACKUP_STATE)
		r = QUEUE_ILLEGAL;
	if (r != 0)
		return r;
	return json_to_fd(
		json_pack("{s:b,s:b,s:b,s:i,s:i,s:o*}", "running", s->running, "done",
			s->done, "failed", s->failed, "pages", s->pages, "left", s->left,
			"head", s->done ? head_text(&s->head) : NULL),
		ret_fd);
}
