/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_look.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/log.h"
#include "queue/audit.h"
#include "queued/head.h"
#include "queued/head_heal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_MS 100
#define STEP_HEADS 16 /* some milliseconds */
#define AGAIN_MS 60000
#define LOST_FIRST 64

static int mark_path(const struct batch *b, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/" HEADS_LOOKED_AT, b->folder) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* Up to where the chain that is there was looked at before, 0: nowhere. */
static int read_mark(struct batch *b, int64_t *ret_after)
{
	_cleanup_(freep) uint8_t *text = NULL;
	struct engine_head head = { 0 };
	char path[PATH_MAX];
	size_t len = 0;
	int r = mark_path(b, path);

	*ret_after = 0;
	if (r == 0)
		r = file_read(path, 256, &text, &len);
	if (r == 0)
		r = audit_head_read(span_of(text, len), &head.position, head.chain);
	if (r < 0)
		return 0;
	r = head_holds(b->engine, &head);
	if (r > 0)
		*ret_after = head.position;
	return r < 0 ? r : 0;
}

/* What is not noted is looked at again. */
static void write_mark(const struct head_look *l, const struct batch *b)
{
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE], text[128];
	int n;

	if (mark_path(b, path) < 0)
		return;
	hex_encode(l->upto.chain, SHA256_SIZE, hex);
	n = snprintf(text, sizeof(text), "%lld:%s\n", (long long)l->upto.position, hex);
	(void)durable_write(path, span_of(text, (size_t)n), 0600);
}

static int begin(struct head_look *l, struct batch *b)
{
	int r;

	l->upto = batch_head(b);
	l->below = l->upto.position + 1;
	r = read_mark(b, &l->after);
	l->begun = r == 0;
	return r;
}

static int note_lost(struct head_look *l, int64_t position)
{
	if (l->lost_count == l->lost_size) {
		size_t more = l->lost_size ? l->lost_size * 2 : LOST_FIRST;
		int64_t *grown = realloc(l->lost, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->lost = grown;
		l->lost_size = more;
	}
	l->lost[l->lost_count++] = position;
	l->from = 1; /* unless one below it is held */
	l->open_below = true;
	return 0;
}

static int look_at(struct head_look *l, struct batch *b, const char *heads)
{
	const struct head_file *f = &l->l.files[l->left - 1];
	int r = head_denied(b, heads, f);

	if (r < 0 && r != -ENODATA)
		return r;
	if (r > 0)
		r = note_lost(l, f->position);
	else if (r == 0 && l->open_below) {
		l->from = f->position;
		l->open_below = false;
	}
	if (r == -ENOMEM)
		return r;
	l->below = f->position;
	l->left--;
	return 0;
}

/* Return: 1 some were looked at, 0 none is left, negative. */
static int look_at_some(struct head_look *l, struct batch *b, const char *heads)
{
	const struct head_wish wish = { .most = HEAD_LIST_NEWEST,
		.after = l->after,
		.below = l->below,
		.kinds = HEAD_BIT(HEAD_JSON) };
	int r = 0;

	if (l->left == 0) {
		head_list_done(&l->l);
		r = head_list_read(heads, &wish, &l->l);
		l->left = l->l.count;
	}
	if (r == 0 && l->left == 0)
		return 0;
	for (int n = 0; n < STEP_HEADS && r == 0 && l->left > 0; n++)
		r = look_at(l, b, heads);
	return r < 0 ? r : 1;
}

static bool is_there(const char *heads, int64_t position)
{
	struct head_file f = { .position = position, .kind = HEAD_JSON };
	char path[PATH_MAX];

	return head_file_find(heads, &f, path) == 0;
}

/* Return: 1 more are left, 0 all were, negative. */
static int set_some_aside(struct head_look *l, const char *heads)
{
	for (int n = 0; n < STEP_HEADS && l->aside < l->lost_count; n++, l->aside++) {
		int64_t position = l->lost[l->aside];

		head_set_aside(heads, position, HEAD_JSON);
		if (!is_there(heads, position))
			continue;
		if (!l->stuck)
			log_event(LOG_WARNING, "queued.head", NULL,
				"heads/%0*lld.json is of a lost chain and cannot be set "
				"aside yet",
				HEAD_DIGITS, (long long)position);
		l->stuck = true;
		return -EAGAIN;
	}
	return l->aside < l->lost_count;
}

/* Return: 1 there is more to do, 0 it is done, -EAGAIN, -EIO. */
static int step(struct head_look *l, struct batch *b, const char *heads)
{
	int r = l->begun ? 0 : begin(l, b);

	if (r < 0)
		return -EAGAIN;
	if (!l->told) {
		r = look_at_some(l, b, heads);
		if (r != 0)
			return r < 0 ? -EAGAIN : r;
		r = l->lost_count ? head_say_set_back(b, l->from, l->lost[0]) : 1;
		if (r <= 0)
			return r < 0 ? -EIO : -EAGAIN;
		l->told = true;
	}
	r = set_some_aside(l, heads);
	if (r == 0)
		write_mark(l, b);
	return r;
}

int head_look_run(struct head_look *l, struct batch *b, int64_t now_ms)
{
	char heads[PATH_MAX];
	int r;

	if (l->done || now_ms < l->next_ms)
		return 0;
	l->next_ms = now_ms + AGAIN_MS;
	if (!batch_may_record(b, clock_now()) || b->failing)
		return 0;
	r = head_folder(b->folder, heads);
	if (r == 0)
		r = step(l, b, heads);
	if (r == 0)
		head_look_done(l);
	l->done = r == 0;
	if (r > 0)
		l->next_ms = now_ms + STEP_MS;
	return r == -EIO ? r : 0;
}

void head_look_done(struct head_look *l)
{
	head_list_done(&l->l);
	free(l->lost);
	l->lost = NULL;
	l->lost_count = l->lost_size = 0;
}
