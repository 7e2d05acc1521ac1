/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/floor.h"

#include "common/durable.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/tpm.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SIZE (2 * FLOOR_VERSION_SIZE)
#define COUNTED_MAX 192u
#define NONE "0"
#define BEGUN 0u /* the count before there is a counter, whose first is above it */

/* What each of the three keeps. */
struct kept {
	char version[FLOOR_VERSION_SIZE], least[FLOOR_VERSION_SIZE];
	uint64_t count;
	bool there;
};

struct sources {
	struct kept file, record;
	char plain[FLOOR_VERSION_SIZE]; /* of the file of before */
	bool used; /* there is more in the folder than what was counted */
	uint64_t counter;
	int tpm; /* 0, or why the counter cannot be read */
};

static bool is_version(const char *text)
{
	return *text && text[strspn(text, "0123456789.")] == '\0';
}

static void highest(char version[FLOOR_VERSION_SIZE], const char *other)
{
	if (is_version(other) && manifest_compare(other, version) > 0)
		snprintf(version, FLOOR_VERSION_SIZE, "%s", other);
}

static int path_of(const struct floor_place *p, const char *name, char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s", p->folder, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Return: 0, -ENOENT, -errno; text that the caller frees. */
static int read_of(const struct floor_place *p, const char *name, char **ret_text)
{
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t len;
	int r = path_of(p, name, path);

	if (r == 0)
		r = file_read(path, COUNTED_MAX, &text, &len);
	if (r == 0)
		*ret_text = (char *)text;
	return r;
}

/* Readable by others, who may not enter the folder: the version of before, which the
 * machine may return to, reads it as a root without a right over files of others. */
static int write_of(const struct floor_place *p, const char *name, const char *text)
{
	char path[PATH_MAX];
	int r = path_of(p, name, path);

	return r < 0 ? r : durable_write(path, span_str(text), 0644);
}

/* Return: 0, or -EBADMSG for what we did not write. */
static int parse_counted(const char *line, struct kept *counted)
{
	char *end;

	errno = 0;
	counted->count = strtoull(line, &end, 10);
	if (errno || end == line ||
		sscanf(end, " %63[0-9.] %63[0-9.]", counted->version, counted->least) !=
			2)
		return -EBADMSG;
	counted->there = true;
	return 0;
}

/* The plain version of before, whether there was a configuration, and what was counted.
 */
static int read_files(const struct floor_place *p, struct sources *s)
{
	_cleanup_(freep) char *plain = NULL, *serial = NULL, *line = NULL;
	int r = read_of(p, "floor", &plain);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		highest(s->plain, plain);
	s->used = r == 0 || read_of(p, "serial", &serial) != -ENOENT;
	r = read_of(p, "counted", &line);
	if (r == 0)
		return parse_counted(line, &s->file);
	return r == -ENOENT ? 0 : r;
}

/* Others may write there as well: what is no pair of versions is not there. */
static void read_record(int tpm, struct kept *record)
{
	uint8_t data[RECORD_SIZE];

	if (tpm_nv_read(tpm, FLOOR_NV_RECORD, data, sizeof(data)) < 0 ||
		data[FLOOR_VERSION_SIZE - 1] || data[RECORD_SIZE - 1])
		return;
	memcpy(record->version, data, FLOOR_VERSION_SIZE);
	memcpy(record->least, data + FLOOR_VERSION_SIZE, FLOOR_VERSION_SIZE);
	record->there = is_version(record->version) && is_version(record->least);
}

static const char *fault_of(int error)
{
	switch (error) {
	case -ENOENT:
		return "has no such index";
	case -ENODATA:
		return "has counted nothing";
	case -EMEDIUMTYPE:
		return "has something else in its place";
	case -ENOSPC:
		return "has no room";
	case -EPERM:
		return "asks for an authorisation that this machine does not have";
	case -EBUSY:
		return "is in lockout";
	default:
		return strerror(-error);
	}
}

/* Is what the folder says behind what the TPM counted, or from elsewhere? One without a
 * count is a new one, or from before there was a counter. */
static int believe(const struct sources *s, struct floor *f)
{
	if (s->file.there ? s->file.count == BEGUN && !s->record.there
			  : s->tpm < 0 || !s->used)
		return 0;
	if (!s->file.there) {
		snprintf(f->fault, sizeof(f->fault),
			"/var is an old copy: it is from before the TPM counted, which "
			"is at %" PRIu64,
			s->counter);
		return -EPERM;
	}
	if (s->tpm < 0) {
		snprintf(f->fault, sizeof(f->fault),
			"/var was counted by a TPM, and this one %s", fault_of(s->tpm));
		return -EPERM;
	}
	if (s->file.count < s->counter)
		snprintf(f->fault, sizeof(f->fault),
			"/var is an old copy: it is from count %" PRIu64
			", the TPM is at %" PRIu64,
			s->file.count, s->counter);
	else if (s->file.count > s->counter + 1)
		snprintf(f->fault, sizeof(f->fault),
			"the TPM is not the one that counted: /var is from count "
			"%" PRIu64 ", the TPM is at %" PRIu64,
			s->file.count, s->counter);
	return f->fault[0] ? -EPERM : 0;
}

static int read_all(const struct floor_place *p, struct sources *s, struct floor *f)
{
	int r;

	memset(s, 0, sizeof(*s));
	memset(f, 0, sizeof(*f));
	memcpy(f->version, NONE, sizeof(NONE));
	memcpy(f->least, NONE, sizeof(NONE));
	memcpy(s->plain, NONE, sizeof(NONE));
	r = read_files(p, s);
	if (r < 0)
		return r;
	s->tpm = p->tpm;
	if (p->tpm >= 0) {
		s->tpm = tpm_nv_value(p->tpm, FLOOR_NV_COUNTER, &s->counter);
		read_record(p->tpm, &s->record);
	}
	highest(f->version, s->plain);
	highest(f->version, s->file.version);
	highest(f->least, s->file.least);
	highest(f->version, s->record.version);
	highest(f->least, s->record.least);
	r = believe(s, f);
	if (r < 0)
		return r;
	f->in_tpm = s->tpm == 0 && s->record.there;
	f->count = s->counter;
	if (!f->in_tpm)
		snprintf(f->fault, sizeof(f->fault), "%s",
			p->tpm < 0 ? "there is no TPM" : "the TPM has none yet");
	return 0;
}

int floor_read(const struct floor_place *p, struct floor *ret_floor)
{
	struct sources s;

	return read_all(p, &s, ret_floor);
}

static int write_line(const struct floor_place *p, uint64_t count, const char *version,
	const char *least)
{
	char line[COUNTED_MAX];

	snprintf(line, sizeof(line), "%" PRIu64 " %s %s\n", count, version, least);
	return write_of(p, "counted", line);
}

int floor_adopt(const struct floor_place *p)
{
	struct sources s;
	struct floor f;
	int r = read_all(p, &s, &f);

	if (r < 0 || s.file.there || s.used || s.tpm < 0)
		return r;
	return write_line(p, s.counter, NONE, NONE);
}

/* Both indices, and a counter that can be read. */
static int provide(struct sources *s, int tpm)
{
	int r;

	if (s->tpm == 0 && s->record.there)
		return 0;
	r = tpm_nv_define(tpm, FLOOR_NV_RECORD, TPM_NV_OCTETS, RECORD_SIZE);
	if (r == 0 || r == -EEXIST)
		r = tpm_nv_define(tpm, FLOOR_NV_COUNTER, TPM_NV_COUNTER, 0);
	if (r < 0 && r != -EEXIST)
		return r;
	s->tpm = tpm_nv_value(tpm, FLOOR_NV_COUNTER, &s->counter);
	if (s->tpm == -ENODATA) {
		r = tpm_nv_count(tpm, FLOOR_NV_COUNTER);
		s->tpm = r < 0 ? r : tpm_nv_value(tpm, FLOOR_NV_COUNTER, &s->counter);
	}
	return s->tpm;
}

static bool is_kept(const struct kept *k, const char *version, const char *least)
{
	return k->there && strcmp(k->version, version) == 0 &&
	       strcmp(k->least, least) == 0;
}

static int write_record(int tpm, const struct floor *f)
{
	uint8_t data[RECORD_SIZE] = { 0 };

	memcpy(data, f->version, strlen(f->version));
	memcpy(data + FLOOR_VERSION_SIZE, f->least, strlen(f->least));
	return tpm_nv_write(tpm, FLOOR_NV_RECORD, data, sizeof(data));
}

/* First of all in /var, and in it only what was proven with it: whoever writes into the
 * TPM from elsewhere must not forbid a version for ever. Return: 0, a negative of the
 * folder; *ret_tpm is the TPM's. */
static int write_file(const struct floor_place *p, struct sources *s,
	const struct kept *own, int *ret_tpm)
{
	int r = 0;

	if (!s->file.there && (s->tpm == -ENOENT || s->tpm == -ENODATA))
		r = write_line(p, BEGUN, own->version, own->least);
	*ret_tpm = r < 0 ? r : provide(s, p->tpm);
	if (*ret_tpm < 0 ||
		(is_kept(&s->file, own->version, own->least) && s->file.count != BEGUN))
		return r;
	s->file.count = s->counter + 1;
	return write_line(p, s->file.count, own->version, own->least);
}

/* Then in the TPM, the count last; each step again after a power cut. */
static int write_tpm(int tpm, struct sources *s, const struct floor *f)
{
	int r = is_kept(&s->record, f->version, f->least) ? 0 : write_record(tpm, f);

	if (r == 0 && s->file.count > s->counter) {
		r = tpm_nv_count(tpm, FLOOR_NV_COUNTER);
		s->counter += r == 0;
	}
	return r;
}

/* What this /var stands for. */
static void own_floor(
	const struct sources *s, const char *version, const char *least, struct kept *own)
{
	memset(own, 0, sizeof(*own));
	memcpy(own->version, NONE, sizeof(NONE));
	memcpy(own->least, NONE, sizeof(NONE));
	highest(own->version, s->plain);
	highest(own->version, s->file.version);
	highest(own->version, version);
	highest(own->least, s->file.least);
	highest(own->least, least);
}

int floor_raise(const struct floor_place *p, const char *version, const char *least,
	struct floor *ret_floor)
{
	struct sources s;
	struct kept own;
	int tpm = p->tpm, r = read_all(p, &s, ret_floor);

	if (r < 0)
		return r;
	if (manifest_compare(least, version) > 0) {
		snprintf(ret_floor->fault, sizeof(ret_floor->fault),
			"the version forbids itself: the least one is above it");
		return -EINVAL;
	}
	own_floor(&s, version, least, &own);
	highest(ret_floor->version, own.version);
	highest(ret_floor->least, own.least);
	if (tpm >= 0)
		r = write_file(p, &s, &own, &tpm);
	if (r == 0 && tpm == 0)
		tpm = write_tpm(p->tpm, &s, ret_floor);
	if (r == 0)
		r = write_of(p, "floor", own.version);
	if (r < 0 || p->tpm < 0)
		return r;
	ret_floor->in_tpm = tpm == 0;
	ret_floor->count = s.counter;
	snprintf(ret_floor->fault, sizeof(ret_floor->fault), "%s%s",
		tpm == 0 ? "" : "the TPM ", tpm == 0 ? "" : fault_of(tpm));
	return 0;
}
