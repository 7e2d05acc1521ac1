/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/log.h"
#include "ctl/appliance/restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER APPLIANCE_WORK "/restore"
#define REFUSED FOLDER "/" RESTORE_REFUSED
#define SHOWN "/run/appliance-medium" /* what the unit sees of the medium */
#define TAKE_UNIT "appliance-restore.service"
#define PLACE_UNIT "appliance-place.service"

static const struct restore_places PLACES = { APPLIANCE_MEDIUM,
	APPLIANCE_ANCHORS "/machine.pem", FOLDER, APPLIANCE_INSTANCE, APPLIANCE_WORK };

/* Why a unit refused is its word, which nobody has to believe: one line, and text. */
static int refused(const char *unit, int error, char **ret_error)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;

	if (file_read_of_others(REFUSED, RESTORE_REFUSED_MAX, (uint8_t **)&text, &len) <
		0)
		return appliance_fail(ret_error, error, unit, "did not end as it should");
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	*ret_error = TAKE(text);
	return error;
}

static int by_unit(const char *unit, char **ret_error)
{
	int r;

	if (unlink(REFUSED) < 0 && errno != ENOENT)
		return appliance_fail(ret_error, -errno, REFUSED, strerror(errno));
	r = appliance_start(unit, true);
	return r < 0 ? refused(unit, r, ret_error) : 0;
}

static int place(char **ret_error)
{
	int r = restore_make_way(&PLACES, ret_error);

	return r < 0 ? r : by_unit(PLACE_UNIT, ret_error);
}

/* Return: as r. */
static int say(int r, const char *nothing, const char *error)
{
	char mark[BACKUP_MARK_SIZE] = "?";

	(void)restore_mark(APPLIANCE_WORK, mark);
	if (r < 0)
		log_event(LOG_ERR, "appliance.restore", NULL, "refused: %s",
			error ? error : strerror(-r));
	else
		log_event(LOG_NOTICE, "appliance.restore", NULL,
			"%s: everything up to record %s", r == 0 ? "restored" : nothing,
			mark);
	return r;
}

int appliance_restore_begun(void)
{
	_cleanup_(freep) char *error = NULL;
	bool ready = false;
	int r = restore_begun(&PLACES, &ready);

	if (r == 0)
		return 0;
	if (r > 0)
		r = place(&error);
	return r < 0 || ready ? say(r, "", error) : 0;
}

bool appliance_restore(void)
{
	_cleanup_(freep) char *error = NULL;
	int r;

	if (!appliance_sees(APPLIANCE_MEDIUM "/restore"))
		return true;
	r = restore_judge(&PLACES, &error);
	if (r == 0)
		r = by_unit(TAKE_UNIT, &error);
	if (r == 0)
		r = place(&error);
	if (r < 0)
		appliance_note_refusal(error ? error : strerror(-r));
	return say(r, "left alone, it was taken at an earlier start", error) >= 0;
}

int appliance_restore_unit(bool places)
{
	struct restore_places shown = PLACES;
	_cleanup_(freep) char *error = NULL;
	char text[RESTORE_REFUSED_MAX];
	int r;

	shown.medium = SHOWN;
	r = places ? restore_place(&PLACES, &error) : restore_take(&shown, &error);
	if (r < 0) {
		(void)snprintf(text, sizeof(text), "%s", error ? error : strerror(-r));
		(void)durable_write(REFUSED, span_str(text), 0644);
	}
	return r;
}

json_t *appliance_restored(void)
{
	return restore_report(APPLIANCE_WORK);
}
