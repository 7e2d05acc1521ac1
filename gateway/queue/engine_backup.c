/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/encode.h"
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>

int engine_backup_start(struct engine *e, uint64_t owner, int *ret_fd)
{
	const struct engine_backup *s = &e->copy;
	int r;

	if (!e->backend->backup_start)
		return -EOPNOTSUPP;
	if (s->owner && s->owner != owner && !s->told)
		return QUEUE_ILLEGAL;
	engine_backup_drop(e);
	r = e->backend->backup_start(e, ret_fd);
	if (r < 0)
		return r;
	e->copy = (struct engine_backup){ .owner = owner, .running = true };
	return QUEUE_DONE;
}

int engine_backup_step(struct engine *e, int pages)
{
	int r;

	if (!e->copy.running)
		return 0;
	r = e->backend->backup_step(e, pages);
	if (r > 0)
		return r;
	e->copy.running = false;
	e->copy.done = r == 0;
	e->copy.failed = r < 0;
	return r;
}

void engine_backup_drop(struct engine *e)
{
	if (e->copy.running)
		e->backend->backup_drop(e);
	e->copy = (struct engine_backup){ 0 };
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

int engine_backup_tell(struct engine *e, uint64_t owner, int *ret_fd)
{
	struct engine_backup *s = &e->copy;

	if (!owner || s->owner != owner)
		return QUEUE_STALE;
	/* what is told may be told again: the batch with it may be run anew */
	s->told = !s->running;
	return json_to_fd(
		json_pack("{s:b,s:b,s:b,s:i,s:i,s:o*}", "running", s->running, "done",
			s->done, "failed", s->failed, "pages", s->pages, "left", s->left,
			"head", s->done ? head_text(&s->head) : NULL),
		ret_fd);
}
