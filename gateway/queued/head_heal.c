/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_heal.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/log.h"
#include "queue/audit.h"
#include "queue/client.h"
#include "queue/sealed_head.h"
#include "queued/head.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SET_BACK ".set-back"
#define TAKEN ".taken"	    /* a mark that the chain is told of */
#define SET_BACKS_MAX 10000 /* of one name */
#define LOOK_BEHIND 256	    /* heads that the chain holds, some hours' */

int head_folder(const char *folder, char ret_heads[PATH_MAX])
{
	return snprintf(ret_heads, PATH_MAX, "%s/heads", folder) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

void head_stamp_settle(const char *folder, int64_t position, bool committed)
{
	const struct head_file from = { .position = position, .kind = HEAD_PENDING },
			       to = { .position = position, .kind = HEAD_STAMP };
	char heads[PATH_MAX], pending[PATH_MAX], path[PATH_MAX];

	if (head_folder(folder, heads) < 0 || head_file_path(heads, &from, pending) < 0 ||
		head_file_place(heads, &to, path) < 0)
		return;
	/* What cannot be renamed keeps its name until the next start. */
	if (committed)
		(void)rename(pending, path);
	else
		(void)unlink(pending);
}

static int read_head(const char *path, struct sealed_head *ret_head)
{
	_cleanup_(freep) char *reason = NULL;
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int r = file_read(path, SEALED_HEAD_MAX, &text, &len);

	return r < 0 ? r
		     : sealed_head_verify(span_of(text, len), NULL, 0, ret_head, &reason);
}

static int read_sealed(
	const char *heads, const struct head_file *f, struct sealed_head *ret_head)
{
	char path[PATH_MAX];
	int r = head_file_path(heads, f, path);

	return r < 0 ? r : read_head(path, ret_head);
}

static int newest_of(
	const char *heads, const struct head_list *l, struct sealed_head *ret_head)
{
	int r = 0;

	for (size_t i = l->count; i > 0 && r == 0; i--)
		if (l->files[i - 1].kind == HEAD_JSON)
			r = read_sealed(heads, &l->files[i - 1], ret_head);
	return r;
}

int head_newest_sealed(const char *folder, struct sealed_head *ret_head)
{
	struct head_wish wish = { .most = HEAD_LIST_NEWEST,
		.kinds = HEAD_BIT(HEAD_JSON) };
	char heads[PATH_MAX];
	bool cut = true;
	int r = head_folder(folder, heads);

	for (; r == 0 && cut; wish.most = SIZE_MAX) {
		_cleanup_(head_list_done) struct head_list l = { 0 };

		r = head_list_read(heads, &wish, &l);
		cut = l.cut;
		if (r == 0)
			r = newest_of(heads, &l, ret_head);
	}
	return r;
}

/* The record may be there already: then it is there twice, and says so itself. */
static int heal_stamp(struct batch *b, int64_t position)
{
	char detail[96];
	int r;

	(void)snprintf(detail, sizeof(detail), "{\"position\":%lld,\"noted\":\"late\"}",
		(long long)position);
	r = batch_say(b, "audit.head-stamped", detail);
	if (r > 0)
		head_stamp_settle(b->folder, position, true);
	return r < 0 ? r : 0;
}

/* Some file systems that heads are exported to know of no such flag. */
static int rename_to_free(const char *from, const char *to)
{
	int r = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

	if (r == 0 || (errno != EINVAL && errno != ENOSYS))
		return r;
	if (access(to, F_OK) < 0)
		return rename(from, to);
	errno = EEXIST;
	return -1;
}

/* Under a name that no earlier one has: each of them is evidence. What cannot be renamed
 * keeps its name until the next start. */
static void keep_aside(const char *path)
{
	char to[PATH_MAX];
	int r = -1;

	for (int n = 1; r < 0 && n <= SET_BACKS_MAX; n++) {
		int len = n == 1 ? snprintf(to, sizeof(to), "%s" SET_BACK, path)
				 : snprintf(to, sizeof(to), "%s" SET_BACK ".%d", path, n);

		if (len >= PATH_MAX)
			return;
		r = rename_to_free(path, to);
		if (r < 0 && errno != EEXIST)
			return;
	}
}

static void set_aside(const char *heads, const struct head_file *f)
{
	char path[PATH_MAX];

	if (head_file_path(heads, f, path) == 0)
		keep_aside(path);
}

/* Is it that very head? */
static bool is_head(const char *path, const struct engine_head *head)
{
	struct sealed_head there;

	return read_head(path, &there) == 1 && there.position == head->position &&
	       memcmp(there.chain, head->chain, SHA256_SIZE) == 0;
}

void head_set_aside(const char *heads, int64_t position, enum head_kind kind)
{
	for (int flat = 0; flat < 2; flat++) {
		struct head_file f = { position, HEAD_STAMP, flat };

		set_aside(heads, &f);
		f.kind = kind;
		set_aside(heads, &f);
	}
}

void head_spare(const char *heads, const struct engine_head *head)
{
	for (int flat = 0; flat < 2; flat++) {
		const struct head_file f = { head->position, HEAD_JSON, flat };
		char path[PATH_MAX];

		if (head_file_path(heads, &f, path) < 0 || is_head(path, head))
			return;
	}
	head_set_aside(heads, head->position, HEAD_JSON);
}

/* One that cannot be read keeps none of the others from being looked at. */
static bool is_sealed(
	const char *heads, const struct head_file *f, struct engine_head *ret_head)
{
	struct sealed_head sealed;
	int r = read_sealed(heads, f, &sealed);

	if (r < 0)
		log_event(LOG_WARNING, "queued.head", NULL, "heads/%0*lld.json: %s",
			HEAD_DIGITS, (long long)f->position, strerror(-r));
	if (r > 0) {
		ret_head->position = sealed.position;
		memcpy(ret_head->chain, sealed.chain, SHA256_SIZE);
	}
	return r > 0;
}

/* One position of the folder: its files stand one after the other in the list. */
struct sealed_files {
	int64_t position;
	size_t first, count;
	const struct head_file *json; /* NULL: it has none */
};

static struct sealed_files files_before(const struct head_list *l, size_t end)
{
	struct sealed_files f = { .first = end };

	while (f.first > 0) {
		const struct head_file *file = &l->files[f.first - 1];

		if (f.count > 0 && file->position != f.position)
			break;
		f.position = file->position;
		f.first--;
		f.count++;
		if (file->kind == HEAD_JSON)
			f.json = file;
	}
	return f;
}

/* Return: 1 the chain denies it, 0 it holds it, -ENODATA nobody can say, negative. */
static int denied(struct batch *b, const char *heads, const struct sealed_files *f)
{
	struct engine_head head;
	int r;

	if (f->position > b->head.position)
		return 1;
	if (!f->json || !is_sealed(heads, f->json, &head))
		return -ENODATA;
	r = head_holds(b->engine, &head);
	return r < 0 ? r : !r;
}

int head_denied(struct batch *b, const char *heads, const struct head_file *json)
{
	const struct sealed_files f = { .position = json->position, .json = json };

	return denied(b, heads, &f);
}

/* What is of a lost chain: up to where, 0: nothing is; and the newest below the first of
 * it that this chain holds, or its end at this start. */
struct lost_heads {
	int64_t newest, from;
};

/* Which of them are of a lost chain: what is behind the end, and what the chain denies.
 * From the newest down until it holds LOOK_BEHIND one after the other: new ones may have
 * been sealed since, while the lost ones could not be set aside. Return: 0, -ERANGE when
 * older ones than the list has must be looked at, or negative. */
static int find_lost(struct batch *b, const char *heads, const struct head_list *l,
	bool *ret_lost, struct lost_heads *ret)
{
	bool inside = false; /* of what this chain had grown past before this start */
	size_t count = l->count;
	int held = 0;

	*ret = (struct lost_heads){ .from = b->began };
	while (count > 0 && held < LOOK_BEHIND) {
		struct sealed_files f = files_before(l, count);
		int r = denied(b, heads, &f);

		if (r < 0 && r != -ENODATA)
			return r;
		if (r >= 0)
			held = r ? 0 : held + 1;
		for (size_t i = f.first; r > 0 && i < count; i++)
			ret_lost[i] = true;
		if (r > 0 && !ret->newest)
			ret->newest = f.position;
		if (r > 0) {
			inside = f.position <= b->began;
			ret->from = b->began;
		} else if (r == 0 && held == 1 && inside) {
			ret->from = f.position;
		}
		count = f.first;
	}
	return held < LOOK_BEHIND && l->cut ? -ERANGE : 0;
}

int head_say_set_back(struct batch *b, int64_t from, int64_t sealed)
{
	const int64_t end = b->head.position;
	char detail[128];
	int r;

	(void)snprintf(detail, sizeof(detail),
		"{\"end\":%lld,\"from\":%lld,\"sealed\":%lld}", (long long)end,
		(long long)from, (long long)sealed);
	r = batch_say_older(b, "queued.set-back", detail);
	if (r > 0)
		log_event(LOG_CRIT, "queued.set-back", NULL,
			"the audit chain ends at record %lld, and another was sealed up "
			"to %lld before: what was sealed of the lost part is kept in "
			"heads/ as *" SET_BACK,
			(long long)end, (long long)sealed);
	return r;
}

/* To where it is while the chain is told: what can be moved can be removed, too. Return:
 * 0, -ENOENT there is none, -errno. */
static int take_mark(const char *folder, char ret_path[PATH_MAX])
{
	char mark[PATH_MAX];

	if (snprintf(mark, sizeof(mark), "%s/" QUEUE_RESTORED, folder) >= PATH_MAX ||
		snprintf(ret_path, PATH_MAX, "%s/" QUEUE_RESTORED TAKEN, folder) >=
			PATH_MAX)
		return -ENAMETOOLONG;
	if (rename(ret_path, mark) < 0 && errno != ENOENT)
		return -errno;
	return rename(mark, ret_path) < 0 ? -errno : 0;
}

static int remove_mark(const char *folder, const char *path)
{
	_cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || unlink(path) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* At each start it would be restored anew, and another part of the chain lost. */
static int mark_stays(const char *folder, int error)
{
	log_event(LOG_CRIT, "queued.head", NULL,
		"%s/" QUEUE_RESTORED " cannot be removed, nothing is served: %s", folder,
		strerror(-error));
	return error;
}

/* Noted twice when the power fails in between. Return: 0; 1 it is to be noted later. */
static int say_restored(struct batch *b, const char *folder)
{
	_cleanup_(freep) uint8_t *mark = NULL;
	uint8_t chain[SHA256_SIZE];
	char path[PATH_MAX], detail[160];
	int64_t position = 0;
	size_t len = 0;
	int r;

	r = take_mark(folder, path);
	if (r < 0 && r != -ENOENT)
		return mark_stays(folder, r);
	if (r == 0)
		r = file_read(path, 128, &mark, &len);
	if (r == 0)
		r = audit_head_read(span_of(mark, len), &position, chain);
	if (r != 0) {
		if (r != -ENOENT)
			log_event(LOG_WARNING, "queued.head", NULL, "%s: %s", path,
				strerror(-r));
		return 0;
	}
	log_event(LOG_NOTICE, "queued.restored", NULL,
		"of a backup with everything up to record %lld", (long long)position);
	(void)snprintf(detail, sizeof(detail), "{\"mark\":\"%.*s\"}", (int)len,
		(const char *)mark);
	r = batch_say_older(b, "queued.restored", detail);
	if (r <= 0)
		return r < 0 ? r : 1;
	r = remove_mark(folder, path);
	return r < 0 ? mark_stays(folder, r) : 0;
}

/* Nothing is renamed that the chain does not tell of. *ret_owed: that the database is an
 * older one is not recorded yet, or nobody can say. Return: as head_heal(). */
static int heal_listed(struct batch *b, const char *heads, const struct head_list *l,
	bool *lost, bool *ret_owed)
{
	struct lost_heads found;
	int noted = 0, r = find_lost(b, heads, l, lost, &found);

	if (r == -ERANGE)
		return r;
	if (r < 0) {
		log_event(LOG_WARNING, "queued.head", NULL, "heads/: %s", strerror(-r));
		*ret_owed = true;
		return 1;
	}
	if (found.newest)
		noted = head_say_set_back(b, found.from, found.newest);
	if (noted < 0)
		return noted;
	*ret_owed = found.newest && !noted;
	for (size_t i = 0; i < l->count && r == 0; i++) {
		if (lost[i] && noted)
			set_aside(heads, &l->files[i]);
		else if (!lost[i] && l->files[i].kind == HEAD_PENDING)
			r = heal_stamp(b, l->files[i].position);
	}
	return r < 0 ? r : found.newest && !noted;
}

static int heal_heads(struct batch *b, const char *folder, size_t most, bool *ret_owed)
{
	_cleanup_(head_list_done) struct head_list l = { 0 };
	_cleanup_(freep) bool *lost = NULL;
	const struct head_wish wish = { .most = most };
	char heads[PATH_MAX];
	int r = head_folder(folder, heads);

	if (r == 0)
		r = head_list_read(heads, &wish, &l);
	if (r < 0)
		log_event(LOG_WARNING, "queued.head", NULL, "heads/: %s", strerror(-r));
	if (r < 0 || l.count == 0)
		return r < 0;
	lost = calloc(l.count, sizeof(*lost));
	*ret_owed = !lost;
	return lost ? heal_listed(b, heads, &l, lost, ret_owed) : 1;
}

int head_heal(struct batch *b, const char *folder)
{
	int r, restored;
	bool owed = false;

	if (!batch_may_record(b, clock_now())) {
		batch_owe(b, true);
		return 1;
	}
	r = heal_heads(b, folder, HEAD_LIST_NEWEST, &owed);
	if (r == -ERANGE)
		r = heal_heads(b, folder, SIZE_MAX, &owed);
	if (r < 0)
		return -EIO;
	restored = say_restored(b, folder);
	batch_owe(b, owed || restored != 0);
	return restored < 0 ? -EIO : r || restored;
}
