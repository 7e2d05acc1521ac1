/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_heal.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/log.h"
#include "queue/audit.h"
#include "queue/client.h"
#include "queue/sealed_head.h"
#include "queued/head.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIGITS 18 /* of a position in a name */
#define SET_BACK ".set-back"
#define TAKEN ".taken"	    /* a mark that the chain is told of */
#define SET_BACKS_MAX 10000 /* of one name */
#define LOOK_BEHIND 256	    /* heads that the chain holds, some hours' */

static int path_of(
	const char *folder, int64_t position, const char *kind, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/heads/%0*lld.%s", folder, DIGITS,
		       (long long)position, kind) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

void head_stamp_settle(const char *folder, int64_t position, bool committed)
{
	char pending[PATH_MAX], path[PATH_MAX];

	if (path_of(folder, position, HEAD_STAMP_PENDING, pending) < 0 ||
		path_of(folder, position, "tst", path) < 0)
		return;
	/* What cannot be renamed keeps its name until the next start. */
	if (committed)
		(void)rename(pending, path);
	else
		(void)unlink(pending);
}

/* A file of a sealed head: its position and what follows in its name. Return: position,
 * or 0 for another file. */
static int64_t position_of(const char *name, const char **ret_kind)
{
	*ret_kind = "";
	if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '.')
		return 0;
	*ret_kind = name + DIGITS + 1;
	return strtoll(name, NULL, 10);
}

static int is_head_file(const struct dirent *e)
{
	const char *kind;

	return position_of(e->d_name, &kind) > 0 &&
	       (strcmp(kind, "json") == 0 || strcmp(kind, "tst") == 0 ||
		       strcmp(kind, HEAD_STAMP_PENDING) == 0);
}

/* By position. Return: how many, or negative. */
static int list_heads(const char *folder, struct dirent ***ret_names)
{
	char path[PATH_MAX];
	int n;

	if (snprintf(path, sizeof(path), "%s/heads", folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	*ret_names = NULL;
	n = scandir(path, ret_names, is_head_file, alphasort);
	return n >= 0 ? n : errno == ENOENT ? 0 : -errno;
}

static void free_names(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static int read_head(const char *path, struct engine_head *ret_head)
{
	_cleanup_(freep) char *reason = NULL;
	_cleanup_(freep) uint8_t *text = NULL;
	struct sealed_head sealed = { 0 };
	size_t len;
	int r = file_read(path, SEALED_HEAD_MAX, &text, &len);

	if (r == 0)
		r = sealed_head_verify(span_of(text, len), NULL, 0, &sealed, &reason);
	if (r == 1) {
		ret_head->position = sealed.position;
		memcpy(ret_head->chain, sealed.chain, SHA256_SIZE);
	}
	return r;
}

static int read_sealed(const char *folder, const char *name, struct engine_head *ret_head)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/heads/%s", folder, name) < PATH_MAX
		       ? read_head(path, ret_head)
		       : -ENAMETOOLONG;
}

int head_newest_sealed(const char *folder, struct engine_head *ret_head)
{
	struct dirent **names = NULL;
	int r = 0, count = list_heads(folder, &names);

	for (int i = count - 1; i >= 0 && r == 0; i--) {
		const char *kind;

		(void)position_of(names[i]->d_name, &kind);
		if (strcmp(kind, "json") == 0)
			r = read_sealed(folder, names[i]->d_name, ret_head);
	}
	free_names(names, count);
	return count < 0 ? count : r;
}

/* The record may be there already: then it is there twice, and says so itself. */
static int heal_stamp(struct batch *b, const char *folder, int64_t position)
{
	char detail[96];
	int r;

	(void)snprintf(detail, sizeof(detail), "{\"position\":%lld,\"noted\":\"late\"}",
		(long long)position);
	r = batch_say(b, "audit.head-stamped", detail);
	if (r > 0)
		head_stamp_settle(folder, position, true);
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

static void set_aside(const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/heads/%s", folder, name) < PATH_MAX)
		keep_aside(path);
}

void head_spare(const char *folder, const struct engine_head *head)
{
	struct engine_head there;
	char path[PATH_MAX];

	for (int stamp = 0; stamp < 2; stamp++) {
		if (snprintf(path, sizeof(path), "%s/%0*lld.%s", folder, DIGITS,
			    (long long)head->position,
			    stamp ? "tst" : "json") >= PATH_MAX)
			return;
		if (!stamp && read_head(path, &there) == 1 &&
			there.position == head->position &&
			memcmp(there.chain, head->chain, SHA256_SIZE) == 0)
			return;
		keep_aside(path);
	}
}

/* One that cannot be read keeps none of the others from being looked at. */
static bool is_sealed(const char *folder, const char *name, struct engine_head *ret_head)
{
	int r = read_sealed(folder, name, ret_head);

	if (r < 0)
		log_event(LOG_WARNING, "queued.head", NULL, "heads/%s: %s", name,
			strerror(-r));
	return r > 0;
}

/* One position of the folder: its files stand one after the other in the list. */
struct sealed_files {
	int64_t position;
	int first, count;
	const char *json; /* NULL: it has none */
};

static struct sealed_files files_before(struct dirent **names, int end)
{
	struct sealed_files f = { .first = end };
	const char *kind;

	while (f.first > 0) {
		int64_t position = position_of(names[f.first - 1]->d_name, &kind);

		if (f.count > 0 && position != f.position)
			break;
		f.position = position;
		f.first--;
		f.count++;
		if (strcmp(kind, "json") == 0)
			f.json = names[f.first]->d_name;
	}
	return f;
}

/* Return: 1 the chain denies it, 0 it holds it, -ENODATA nobody can say, negative. */
static int denied(struct batch *b, const char *folder, const struct sealed_files *f)
{
	struct engine_head head;
	int r;

	if (f->position > b->head.position)
		return 1;
	if (!f->json || !is_sealed(folder, f->json, &head))
		return -ENODATA;
	r = head_holds(b->engine, &head);
	return r < 0 ? r : !r;
}

/* What is of a lost chain: up to where, 0: nothing is; and the newest below the first of
 * it that this chain holds, or its end at this start. */
struct lost_heads {
	int64_t newest, from;
};

/* Which of them are of a lost chain: what is behind the end, and what the chain denies.
 * From the newest down until it holds LOOK_BEHIND one after the other: new ones may have
 * been sealed since, while the lost ones could not be set aside. Return: 0 or negative.
 */
static int find_lost(struct batch *b, const char *folder, struct dirent **names,
	int count, bool *ret_lost, struct lost_heads *ret)
{
	bool inside = false; /* of what this chain had grown past before this start */
	int held = 0;

	*ret = (struct lost_heads){ .from = b->began };
	while (count > 0 && held < LOOK_BEHIND) {
		struct sealed_files f = files_before(names, count);
		int r = denied(b, folder, &f);

		if (r < 0 && r != -ENODATA)
			return r;
		if (r >= 0)
			held = r ? 0 : held + 1;
		for (int i = f.first; r > 0 && i < count; i++)
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
	return 0;
}

/* Return: as batch_say(). */
static int say_set_back(struct batch *b, const struct lost_heads *lost)
{
	const int64_t end = b->head.position, sealed = lost->newest;
	char detail[128];
	int r;

	(void)snprintf(detail, sizeof(detail),
		"{\"end\":%lld,\"from\":%lld,\"sealed\":%lld}", (long long)end,
		(long long)lost->from, (long long)sealed);
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
static int heal_heads(struct batch *b, const char *folder, struct dirent **names,
	int count, bool *lost, bool *ret_owed)
{
	const char *kind;
	struct lost_heads found;
	int noted = 0, r = find_lost(b, folder, names, count, lost, &found);

	if (r < 0) {
		log_event(LOG_WARNING, "queued.head", NULL, "heads/: %s", strerror(-r));
		*ret_owed = true;
		return 1;
	}
	if (found.newest)
		noted = say_set_back(b, &found);
	if (noted < 0)
		return noted;
	*ret_owed = found.newest && !noted;
	for (int i = 0; i < count && r == 0; i++) {
		int64_t position = position_of(names[i]->d_name, &kind);

		if (lost[i] && noted)
			set_aside(folder, names[i]->d_name);
		else if (!lost[i] && strcmp(kind, HEAD_STAMP_PENDING) == 0)
			r = heal_stamp(b, folder, position);
	}
	return r < 0 ? r : found.newest && !noted;
}

int head_heal(struct batch *b, const char *folder)
{
	_cleanup_(freep) bool *lost = NULL;
	struct dirent **names = NULL;
	int r = 1, restored, count;
	bool owed = false;

	if (!batch_may_record(b, clock_now())) {
		batch_owe(b, true);
		return 1;
	}
	count = list_heads(folder, &names);
	if (count < 0)
		log_event(
			LOG_WARNING, "queued.head", NULL, "heads/: %s", strerror(-count));
	if (count > 0)
		lost = calloc((size_t)count, sizeof(*lost));
	if (count <= 0 || lost)
		r = count > 0 ? heal_heads(b, folder, names, count, lost, &owed)
			      : count < 0;
	else
		owed = true;
	free_names(names, count);
	if (r < 0)
		return -EIO;
	restored = say_restored(b, folder);
	batch_owe(b, owed || restored != 0);
	return restored < 0 ? -EIO : r || restored;
}
