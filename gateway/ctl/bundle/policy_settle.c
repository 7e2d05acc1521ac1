/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_settle.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MEANT "changing"
#define MEANT_MAX 16384u
#define JOURNAL_MAX (16u * 1024 * 1024)

static int join(const struct force *f, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", f->folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static int digest_of(const struct bundle *b, char ret_digest[SHA256_TEXT_SIZE])
{
	_cleanup_buf_ struct buf archive;
	int r;

	buf_init(&archive, BUNDLE_MAX);
	r = bundle_write(b, &archive);
	return r == 0 ? digest_sha256_text(buf_span(&archive), ret_digest) : r;
}

/* The line of the journal; the caller frees. */
static char *line_of(const struct force *f, const struct bundle *b, const char *digest,
	const struct consent *consent, const char *act)
{
	_cleanup_json_ json_t *people = json_array(), *line = NULL;
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_now(), now);
	for (size_t i = 0; i < consent->count; i++)
		json_array_append_new(people, json_text(consent->people[i].name));
	line = json_pack("{s:s, s:s, s:I, s:I, s:s, s:O, s:s*}", "at", now, "act", act,
		"from", (json_int_t)f->version, "version", (json_int_t)b->version,
		"policy_digest", digest, "people", people, "reason", f->reason);
	return line ? json_canonical(line) : NULL;
}

/* "VERSION SHA256" as `active` will be, then the line of the journal. */
int settle_begin(const struct force *f, const struct bundle *b, const char *digest,
	const struct consent *consent, const char *act)
{
	_cleanup_(freep) char *line = line_of(f, b, digest, consent, act);
	_cleanup_buf_ struct buf text;
	char path[PATH_MAX], archive[SHA256_TEXT_SIZE];
	int r = line ? join(f, MEANT, path) : -ENOMEM;

	buf_init(&text, MEANT_MAX);
	if (r == 0)
		r = digest_of(b, archive);
	if (r == 0)
		r = buf_addf(&text, "%" PRIu64 " %s\n%s\n", b->version, archive, line);
	return r == 0 ? durable_write(path, buf_span(&text), 0644) : r;
}

struct meant {
	uint64_t version;
	char digest[SHA256_TEXT_SIZE]; /* of the archive */
	struct span active, line;      /* with their ends; into text */
	uint8_t *text;
};

static void meant_done(struct meant *m)
{
	free(m->text);
}

/* Return: 0, -ENOENT nothing was meant, -EINVAL, -errno. */
static int read_meant(const struct force *f, struct meant *ret)
{
	char path[PATH_MAX];
	const uint8_t *end;
	char *rest;
	size_t len = 0;
	int r = join(f, MEANT, path);

	if (r == 0)
		r = file_read(path, MEANT_MAX, &ret->text, &len);
	if (r < 0)
		return r;
	end = memchr(ret->text, '\n', len);
	if (!end || ret->text[len - 1] != '\n')
		return -EINVAL;
	ret->version = strtoull((const char *)ret->text, &rest, 10);
	if (*rest != ' ' || (const char *)end - rest != SHA256_TEXT_SIZE)
		return -EINVAL;
	memcpy(ret->digest, rest + 1, SHA256_TEXT_SIZE - 1);
	ret->active = span_of(ret->text, (size_t)(end + 1 - ret->text));
	ret->line = span_of(end + 1, len - ret->active.len);
	return 0;
}

/* Return: 1 policies/ is what was meant, and kept, 0 it is not, -errno. */
static int in_force(const struct force *f, const struct meant *m)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL;
	char digest[SHA256_TEXT_SIZE];
	int r;

	if (!force_known(f, m->version))
		return 0;
	r = bundle_of_folder(f->policies, m->version, &b, &error);
	if (r == 0)
		r = digest_of(&b, digest);
	return r < 0 ? r : strcmp(digest, m->digest) == 0;
}

static bool ends_with(struct span text, struct span end)
{
	return text.len >= end.len &&
	       memcmp(text.data + text.len - end.len, end.data, end.len) == 0;
}

/* Once, and behind whole lines only. */
static int write_journal(const struct force *f, struct span line)
{
	_cleanup_(freep) uint8_t *before = NULL;
	_cleanup_buf_ struct buf text;
	char path[PATH_MAX];
	size_t len = 0;
	int r = join(f, "journal", path);

	buf_init(&text, JOURNAL_MAX);
	if (r == 0)
		r = file_read(path, JOURNAL_MAX, &before, &len);
	if (r < 0 && r != -ENOENT)
		return r;
	while (len && before[len - 1] != '\n')
		len--;
	if (ends_with(span_of(before, len), line))
		return 0;
	buf_add(&text, before, len);
	r = buf_add_span(&text, line);
	return r == 0 ? durable_write(path, buf_span(&text), 0644) : r;
}

static int finish(struct force *f, const struct meant *m)
{
	char path[PATH_MAX];
	int r = join(f, "active", path);

	if (r == 0)
		r = durable_write(path, m->active, 0644);
	if (r == 0)
		r = write_journal(f, m->line);
	if (r == 0)
		f->version = m->version;
	return r;
}

/* The bundle itself, or what is beside it. */
static bool is_of(const char *name, const char *bundle)
{
	size_t n = strlen(bundle);

	return strncmp(name, bundle, n) == 0 && (!name[n] || name[n] == '.');
}

/* VERSION.stop, VERSION.bundle and the signatures beside it: of this change alone, since
 * a version is used once. What is taken up again was kept before. */
static int take_back(const struct force *f, const struct meant *m)
{
	_cleanup_json_ json_t *line = json_read(m->line, MEANT_MAX);
	const char *act = json_string_of(line, "act");
	char bundle[40], stop[40], path[PATH_MAX];
	const struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (!act)
		return -EINVAL;
	if (strcmp(act, "rollback") == 0 || f->version == m->version)
		return 0;
	(void)snprintf(bundle, sizeof(bundle), "%" PRIu64 ".bundle", m->version);
	(void)snprintf(stop, sizeof(stop), "%" PRIu64 ".stop", m->version);
	dir = opendir(f->folder);
	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, stop) != 0 && !is_of(entry->d_name, bundle))
			continue;
		r = join(f, entry->d_name, path);
		if (r == 0 && unlink(path) < 0)
			r = -errno;
	}
	closedir(dir);
	return r;
}

static int forget(const struct force *f)
{
	_cleanup_(closep) int folder =
		open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0 || unlinkat(folder, MEANT, 0) < 0 || fsync(folder) < 0)
		return -errno;
	return 0;
}

int settle_finish(struct force *f)
{
	_cleanup_(meant_done) struct meant m = { 0 };
	int done, r = read_meant(f, &m);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	done = in_force(f, &m);
	if (done < 0)
		return done;
	r = done ? finish(f, &m) : take_back(f, &m);
	if (r == 0)
		r = forget(f);
	return r < 0 ? r : done;
}
