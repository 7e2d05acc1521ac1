/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/swap.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/instance.h"
#include "ctl/appliance/adopt.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/restore.h"
#include "ctl/appliance/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGUN "begun" /* in the folder whose files go into force */
#define UNPROVEN "unproven"

/* What is replaced as a whole, so that what a new configuration leaves out is gone. */
static const char *const REPLACED[] = { "sealgate.conf", "policies", "tls", "credentials",
	"network", "time", "logs", "ship", "hsm", INSTANCE_SEALED, ADOPT_GIVEN };

#define COUNT (sizeof(REPLACED) / sizeof(REPLACED[0]))
#define CONFIGURATION "sealgate.conf"

/* From where and to where, below work. */
struct swap {
	const struct swap_place *p;
	const char *from, *aside;
};

static int below(const char *folder, const char *name, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

static int in_work(const struct swap_place *p, const char *folder, const char *name,
	char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s/%s", p->work, folder, name) >= PATH_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Who takes configurations, and who puts a backup in place: each of the two finds notes
 * of the other there. */
static bool keeps_notes(uid_t uid)
{
	static const char *const users[] = { "sealgate-configuration",
		"sealgate-restore" };

	if (uid == 0 || uid == geteuid())
		return true;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		const struct passwd *user = getpwnam(users[i]);

		if (user && user->pw_uid == uid)
			return true;
	}
	return false;
}

bool swap_is_ours(const struct swap_place *p, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return below(p->work, name, path) == 0 && lstat(path, &st) == 0 &&
	       keeps_notes(st.st_uid);
}

int swap_read_note(const struct swap_place *p, const char *name, size_t max,
	char **ret_text, size_t *ret_len)
{
	char path[PATH_MAX];
	int r = below(p->work, name, path);

	if (r == 0 && !swap_is_ours(p, name))
		return -ENOENT;
	return r < 0 ? r : file_read(path, max, (uint8_t **)ret_text, ret_len);
}

int swap_make_way(const struct swap_place *p, const char *name)
{
	char path[PATH_MAX];
	int r = below(p->work, name, path);

	return r < 0 || swap_is_ours(p, name) ? r : appliance_remove(path);
}

int swap_write_note(const struct swap_place *p, const char *name, const char *text)
{
	char path[PATH_MAX];
	int r = below(p->work, name, path);

	if (r == 0)
		r = swap_make_way(p, name);
	return r < 0 ? r : durable_write(path, span_str(text), 0644);
}

static bool has(const struct swap_place *p, const char *folder, const char *name)
{
	char path[PATH_MAX];

	return swap_is_ours(p, folder) && in_work(p, folder, name, path) == 0 &&
	       is_there(path);
}

/* What is not there has been moved before. */
static int move(const char *from, const char *to)
{
	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

/* The same of a file beside which others may write: a folder of theirs is in no way. */
static int move_over(const char *from, const char *to)
{
	int r = move(from, to);

	if (r != -EISDIR)
		return r;
	r = appliance_remove(to);
	return r < 0 ? r : move(from, to);
}

static int sync_all(const struct swap_place *p)
{
	_cleanup_(closep) int fd = open(p->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? -errno : 0;
}

static int make_anew(const struct swap_place *p, const char *folder)
{
	char path[PATH_MAX];
	int r = below(p->work, folder, path);

	if (r == 0)
		r = appliance_remove(path);
	if (r == 0 && mkdir(path, 0700) < 0)
		r = -errno;
	return r;
}

/* The record says what there was before: "ASIDE", then the names, a line each. It is in
 * the folder that it is about, so that whoever gives that up gives it up, too. */
static int begin(const struct swap *s)
{
	_cleanup_buf_ struct buf record;
	char path[PATH_MAX];
	int r = in_work(s->p, s->from, BEGUN, path);

	buf_init(&record, SPARE_RECORD_MAX);
	buf_addf(&record, "%s\n", s->aside);
	for (size_t i = 0; r == 0 && i < COUNT; i++) {
		char name[PATH_MAX];

		r = below(s->p->instance, REPLACED[i], name);
		if (r == 0 && is_there(name))
			buf_addf(&record, "%s\n", REPLACED[i]);
	}
	if (r == 0)
		r = record.error;
	if (r == 0)
		r = sync_all(s->p);
	if (r < 0)
		return r;
	r = durable_write(path, buf_span(&record), 0600);
	if (!spare_wanted(r) || strcmp(s->from, "previous") != 0)
		return r;
	r = spare_record(s->p, path, buf_span(&record));
	return r < 0 ? r : sync_all(s->p);
}

static bool is_listed(const char *record, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = strchr(record, '\n'); line; line = strchr(line + 1, '\n'))
		if (strncmp(line + 1, name, len) == 0 && line[1 + len] == '\n')
			return true;
	return false;
}

/* Out, then in. What is there in between was made by others who found nothing (tmpfiles
 * of an earlier step of the start), and goes. */
static int exchange_one(const struct swap *s, const char *name, bool was_there)
{
	char here[PATH_MAX], from[PATH_MAX], aside[PATH_MAX];
	int r = below(s->p->instance, name, here);

	if (r == 0)
		r = in_work(s->p, s->from, name, from);
	if (r == 0)
		r = in_work(s->p, s->aside, name, aside);
	if (r == 0 && was_there && !is_there(aside))
		r = move(here, aside);
	if (r < 0 || !is_there(from))
		return r;
	r = appliance_remove(here);
	return r < 0 ? r : move(from, here);
}

/* Files of work that were prepared beside what they belong to, or go. */
static int note(const struct swap *s, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r = in_work(s->p, s->from, name, from);

	if (r == 0)
		r = below(s->p->work, name, to);
	return r < 0 ? r : move_over(from, to);
}

static int end(const struct swap *s)
{
	char path[PATH_MAX];
	int r = in_work(s->p, s->from, BEGUN, path);

	if (r == 0 && unlink(path) < 0)
		r = -errno;
	return r < 0 ? r : sync_all(s->p);
}

static int prove(const struct swap_place *p)
{
	char path[PATH_MAX];
	int r = below(p->work, UNPROVEN, path);

	return r == 0 && unlink(path) < 0 && errno != ENOENT ? -errno : r;
}

/* By a rename, which a full disk does not keep from being done. */
static int note_taken_back(const struct swap_place *p)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r = below(p->work, UNPROVEN, from);

	if (r == 0)
		r = below(p->work, SWAP_TAKEN_BACK, to);
	return r < 0 ? r : move_over(from, to);
}

/* Each step finds done what was done, so that it can be cut and begun again anywhere. */
static int complete(struct swap *s)
{
	bool applies = strcmp(s->from, "incoming") == 0;
	_cleanup_(freep) char *record = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = in_work(s->p, s->from, BEGUN, path);

	if (r == 0)
		r = file_read(path, SPARE_RECORD_MAX, (uint8_t **)&record, &len);
	if (r < 0)
		return r;
	s->aside = !applies				  ? "incoming"
		   : strncmp(record, "dropped\n", 8) == 0 ? "dropped"
							  : "previous";
	if (applies)
		r = note(s, SWAP_AFAR);
	if (r == 0 && applies)
		r = note(s, UNPROVEN);
	for (size_t i = 0; r == 0 && i < COUNT; i++)
		r = exchange_one(s, REPLACED[i], is_listed(record, REPLACED[i]));
	if (r == 0)
		r = sync_all(s->p);
	if (r == 0)
		r = applies ? note(s, "serial") : note_taken_back(s->p);
	if (r == 0)
		r = sync_all(s->p);
	return r < 0 ? r : end(s);
}

/* A version before reads it as a root without a right over files of others. */
static int prepare(const struct swap_place *p, const char *name, const char *text)
{
	char path[PATH_MAX];
	int r = in_work(p, "incoming", name, path);

	return r < 0 ? r : durable_write(path, span_str(text), 0644);
}

/* Nothing of it is needed any more, and the next one begins with that. */
static void tidy(const struct swap_place *p)
{
	static const char *const folders[] = { "incoming", "dropped" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (below(p->work, folders[i], path) == 0)
			(void)appliance_remove(path);
}

static int carry_out(struct swap *s)
{
	int r = begin(s);

	if (r == 0)
		r = complete(s);
	if (r == 0)
		tidy(s->p);
	return r;
}

/* As strcmp, with the one that is kept in a file of work. Return: 0 or -errno. */
static int compare(
	const struct swap_place *p, const char *name, const char *serial, int *ret)
{
	_cleanup_(freep) char *kept = NULL;
	size_t len = 0, mine = strlen(serial);
	int r = swap_read_note(p, name, SWAP_SERIAL_MAX, &kept, &len);

	if (r == 0)
		*ret = mine != len ? (mine > len ? 1 : -1) : memcmp(serial, kept, len);
	return r;
}

int swap_serial_is_new(const struct swap_place *p, const char *serial)
{
	int than = 0, r = compare(p, "serial", serial, &than);

	if (r == 0)
		return than > 0;
	if (r == -ENOENT)
		r = compare(p, RESTORE_SERIAL, serial, &than);
	if (r == -ENOENT)
		return 1;
	return r < 0 ? r : than < 0 ? -EPERM : 1;
}

int swap_apply(const struct swap_place *p, const char *serial)
{
	char path[PATH_MAX], unproven[PATH_MAX];
	struct swap s = { .p = p, .from = "incoming", .aside = "previous" };
	int r = below(p->instance, CONFIGURATION, path);

	if (r == 0)
		r = below(p->work, UNPROVEN, unproven);
	if (r == 0 && strlen(serial) > SWAP_SERIAL_MAX)
		r = -E2BIG;
	if (r < 0)
		return r;
	if (is_there(unproven) && swap_is_ours(p, UNPROVEN) &&
		has(p, "previous", CONFIGURATION))
		s.aside = "dropped";
	r = make_anew(p, s.aside);
	if (r == 0 && is_there(path))
		r = spare_lay_by(p);
	if (r == 0 && is_there(path))
		r = prepare(p, UNPROVEN, serial);
	if (r == 0)
		r = prepare(p, "serial", serial);
	return r == 0 ? carry_out(&s) : r;
}

int swap_lock(const struct swap_place *p)
{
	int fd = -1, r;

	if (p->lock)
		fd = open(p->lock, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = open(p->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

int swap_unproven(const struct swap_place *p, char ret_serial[SWAP_SERIAL_MAX + 1])
{
	_cleanup_(freep) char *serial = NULL;
	size_t len = 0;
	int r = swap_read_note(p, UNPROVEN, SWAP_SERIAL_MAX, &serial, &len);

	ret_serial[0] = '\0';
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		(void)snprintf(ret_serial, SWAP_SERIAL_MAX + 1, "%s", serial);
	return r;
}

/* Is what is in force and not proven the one that was started? Return: 1, 0, -errno. */
static int is_started(const struct swap_place *p, const char *started)
{
	char serial[SWAP_SERIAL_MAX + 1];
	int r = swap_unproven(p, serial);

	if (r < 0)
		return r;
	return *serial && (!started || strcmp(serial, started) == 0);
}

int swap_return(const struct swap_place *p, const char *started)
{
	struct swap s = { .p = p, .from = "previous", .aside = "incoming" };
	int r = is_started(p, started);

	if (r <= 0)
		return r < 0 ? r : 1;
	if (!has(p, "previous", CONFIGURATION))
		return -ENOENT;
	r = spare_folder(p, "incoming");
	return r == 0 ? carry_out(&s) : r;
}

int swap_resume(const struct swap_place *p)
{
	struct swap s = { .p = p };
	int r;

	if (has(p, "incoming", BEGUN))
		s.from = "incoming";
	else if (has(p, "previous", BEGUN))
		s.from = "previous";
	else
		return 1;
	r = complete(&s);
	if (r == 0)
		tidy(p);
	return r;
}

int swap_keep(const struct swap_place *p, const char *started)
{
	char path[PATH_MAX];
	int r = is_started(p, started);

	if (has(p, "incoming", BEGUN) || has(p, "previous", BEGUN))
		return -EBUSY;
	if (r <= 0)
		return r < 0 ? r : 1;
	r = prove(p);
	if (r == 0)
		r = sync_all(p);
	if (r == 0)
		r = below(p->work, "previous", path);
	return r < 0 ? r : appliance_remove(path);
}
