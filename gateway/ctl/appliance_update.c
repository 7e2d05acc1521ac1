/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance.h"

#include "common/durable.h"
#include "ctl/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STAGE APPLIANCE_WORK "/update"
#define FLOOR APPLIANCE_WORK "/floor"
#define TRIED APPLIANCE_WORK "/tried"
#define RELEASE_FILE "/usr/lib/os-release"
#define RELEASE_MAX 65536u
#define VERSION_MAX APPLIANCE_VERSION_SIZE

int appliance_version(char ret_version[VERSION_MAX])
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int r = file_read(RELEASE_FILE, RELEASE_MAX, &text, &len);
	const char *at = r < 0 ? NULL : strstr((const char *)text, "\nIMAGE_VERSION=");

	if (!at || sscanf(at, "\nIMAGE_VERSION=%63[0-9.]", ret_version) != 1)
		return r < 0 ? r : -EINVAL;
	return 0;
}

static int version_read(const char *path, char ret_version[VERSION_MAX])
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;
	int r = file_read(path, VERSION_MAX - 1, &text, &len);

	if (r == 0)
		memcpy(ret_version, text, len + 1);
	return r;
}

/* The floor is the highest version that was ever healthy here; at least the one that
 * runs. */
static int version_floor(char ret_version[VERSION_MAX])
{
	char kept[VERSION_MAX];
	int r = appliance_version(ret_version);

	if (r < 0)
		return r;
	r = version_read(FLOOR, kept);
	if (r == 0 && manifest_compare(kept, ret_version) > 0)
		memcpy(ret_version, kept, sizeof(kept));
	return r == -ENOENT ? 0 : r;
}

static int check_version(const struct manifest *m, char **ret_error)
{
	char floor[VERSION_MAX], tried[VERSION_MAX] = "", what[2 * VERSION_MAX];
	int r = version_floor(floor);

	if (r == 0)
		r = version_read(TRIED, tried);
	if (r < 0 && r != -ENOENT)
		return appliance_fail(ret_error, r, APPLIANCE_WORK, strerror(-r));
	r = manifest_compare(m->serial, floor);
	if (r > 0 && strcmp(m->serial, tried) == 0)
		return appliance_fail(ret_error, -EPERM, m->serial,
			"was tried here and did not become healthy");
	if (r > 0)
		return 0;
	if (r == 0)
		return 1;
	snprintf(what, sizeof(what), "is older than %s", floor);
	return appliance_fail(ret_error, -EPERM, m->serial, what);
}

static int copy(const struct manifest *m, char **ret_error)
{
	int r = appliance_remove(STAGE);

	if (r == 0 && mkdir(STAGE, 0700) < 0)
		r = -errno;
	if (r < 0)
		return appliance_fail(ret_error, r, STAGE, strerror(-r));
	for (size_t i = 0; i < m->count; i++) {
		r = strchr(m->files[i].path, '/')
			    ? -EPERM
			    : manifest_copy(m, &m->files[i], STAGE, 0600);
		if (r < 0)
			return appliance_fail(ret_error, r, m->files[i].path,
				r == -EBADMSG ? "is not what was signed" : strerror(-r));
	}
	return 0;
}

static int stage(const struct manifest *m, char **ret_error)
{
	const char *const argv[] = { "/usr/lib/systemd/systemd-sysupdate", "--no-pager",
		"update", m->serial, NULL };
	int r = appliance_run(argv);

	if (r != 0)
		return appliance_fail(ret_error, r < 0 ? r : -EIO, argv[0],
			r < 0 ? strerror(-r) : "did not stage the update");
	return 0;
}

int appliance_update(const char *dir, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	int r = manifest_open(
		dir, "update", APPLIANCE_ANCHORS "/release.pem", &m, ret_error);

	if (r == 0)
		r = check_version(&m, ret_error);
	if (r != 0)
		return r;
	r = copy(&m, ret_error);
	if (r == 0)
		r = stage(&m, ret_error);
	/* Only now: what a power cut interrupted may be taken again. */
	if (r == 0 && (r = durable_write(TRIED, span_str(m.serial), 0600)) < 0)
		r = appliance_fail(ret_error, r, TRIED, strerror(-r));
	(void)appliance_remove(STAGE);
	return r;
}

int appliance_raise_floor(void)
{
	char here[VERSION_MAX], floor[VERSION_MAX];
	int r = appliance_version(here);

	if (r == 0)
		r = version_floor(floor);
	if (r < 0 || manifest_compare(here, floor) < 0)
		return r;
	return durable_write(FLOOR, span_str(here), 0600);
}
