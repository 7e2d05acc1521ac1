/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/durable.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/swap.h"
#include "queue/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE APPLIANCE_WORK "/update"
#define TRIED "tried"	/* below APPLIANCE_WORK: the version that was staged last */
#define LAYOUT "layout" /* of an update: what `sealgate appliance layout` of it says */
#define LAYOUT_MAX 32
#define VERSION_MAX APPLIANCE_VERSION_SIZE

static const struct swap_place PLACE = { .instance = APPLIANCE_INSTANCE,
	.work = APPLIANCE_WORK };

int appliance_update_tried(
	const struct swap_place *p, const char *version, char **ret_error)
{
	_cleanup_(freep) char *tried = NULL;
	size_t len = 0;
	int r = swap_read_note(p, TRIED, VERSION_MAX - 1, &tried, &len);

	if (r < 0)
		return r == -ENOENT ? 0
				    : appliance_fail(ret_error, r, p->work, strerror(-r));
	return strcmp(version, tried) != 0
		       ? 0
		       : appliance_fail(ret_error, -EPERM, version,
				 "was tried here and did not become healthy");
}

int appliance_update_note(
	const struct swap_place *p, const char *version, char **ret_error)
{
	int r = swap_write_note(p, TRIED, version);

	return r < 0 ? appliance_fail(ret_error, r, TRIED, strerror(-r)) : 0;
}

static int check_version(const struct manifest *m, char **ret_error)
{
	char here[VERSION_MAX], floor[VERSION_MAX], what[2 * VERSION_MAX];
	int r = appliance_floor(floor, ret_error);

	if (r < 0)
		return r;
	r = manifest_compare(m->serial, floor);
	if (r > 0)
		return appliance_update_tried(&PLACE, m->serial, ret_error);
	/* The slot that runs may be the one that was returned to. */
	if (r == 0 && appliance_version(here) == 0 && strcmp(here, floor) == 0)
		return 1;
	if (r == 0)
		snprintf(what, sizeof(what), "was healthy here; a later one is taken");
	else
		snprintf(what, sizeof(what), "is older than %s", floor);
	return appliance_fail(ret_error, -EPERM, m->serial, what);
}

int appliance_update_returns(const struct manifest *m, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0, i = 0;
	int r = -ENOENT;

	while (i < m->count && strcmp(m->files[i].path, LAYOUT) != 0)
		i++;
	if (i < m->count)
		r = manifest_read(m, &m->files[i], LAYOUT_MAX, &text, &len);
	if (r == 0)
		r = layout_returns((const char *)text, layout_version());
	if (r == 0)
		return appliance_fail(ret_error, -EPERM, m->serial,
			"makes a database that this version could not be returned to "
			"with: take a version between first");
	return r > 0 ? 0
		     : appliance_fail(ret_error, r, LAYOUT,
			       r == -EBADMSG ? "is not what was signed" : strerror(-r));
}

/* Readable for who stages it, and sees no other folder of /var; it is no secret. */
static int bring(const struct manifest *m, bool ours, char **ret_error)
{
	int r = appliance_remove(STAGE);

	if (r == 0 && (mkdir(STAGE, 0755) < 0 || chmod(STAGE, 0755) < 0))
		r = -errno;
	if (r < 0)
		return appliance_fail(ret_error, r, STAGE, strerror(-r));
	for (size_t i = 0; i < m->count; i++) {
		if (strchr(m->files[i].path, '/'))
			r = -EPERM;
		else if (ours)
			r = manifest_move(m, &m->files[i], STAGE, 0644);
		else
			r = manifest_copy(m, &m->files[i], STAGE, 0644);
		if (r < 0)
			return appliance_fail(ret_error, r, m->files[i].path,
				r == -EBADMSG ? "is not what was signed" : strerror(-r));
	}
	return 0;
}

/* By a unit of its own: this program writes to no disk. */
static int stage(const struct manifest *m, char **ret_error)
{
	char unit[VERSION_MAX + 32];
	int r;

	(void)snprintf(unit, sizeof(unit), "appliance-stage@%s.service", m->serial);
	r = appliance_start(unit, true);
	if (r < 0)
		return appliance_fail(ret_error, r, unit, "did not stage the update");
	/* FAT writes what a name stands for after the name, for which alone
	 * systemd-sysupdate waits: until then it is the name of an empty file. */
	sync();
	return 0;
}

int appliance_update(const char *dir, bool ours, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	int r = manifest_open(
		dir, "update", APPLIANCE_ANCHORS "/release.pem", &m, ret_error);

	if (r == 0)
		r = check_version(&m, ret_error);
	if (r == 0)
		r = appliance_update_returns(&m, ret_error);
	if (r != 0)
		return r;
	r = bring(&m, ours, ret_error);
	if (r == 0)
		r = stage(&m, ret_error);
	/* Only now: what a power cut interrupted may be taken again. */
	if (r == 0)
		r = appliance_update_note(&PLACE, m.serial, ret_error);
	(void)appliance_remove(STAGE);
	return r;
}
