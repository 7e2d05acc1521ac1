/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/afar.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int path_of(const struct swap_place *p, const char *in, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s" SWAP_AFAR, p->work, in) >= PATH_MAX
		       ? -ENAMETOOLONG
		       : 0;
}

int64_t afar_bound_ms(void)
{
	const char *text = getenv("SEALGATE_AFAR_S");
	/* All of it a number, or "5m" would be five seconds; too large is the largest. */
	long seconds =
		text && !text[strspn(text, "0123456789")] ? strtol(text, NULL, 10) : 0;

	return seconds > 0 && seconds < AFAR_MS / 1000 ? (int64_t)seconds * 1000
						       : AFAR_MS;
}

int afar_note(const struct swap_place *p, const char *serial)
{
	char path[PATH_MAX];
	int r = path_of(p, "incoming/", path);

	return r < 0 ? r : durable_write(path, span_str(serial), 0600);
}

/* By the serial: what was noted of one that was taken back or proven says nothing of
 * another. */
int afar_unproven(const struct swap_place *p)
{
	_cleanup_(freep) char *serial = NULL;
	char path[PATH_MAX], unproven[SWAP_SERIAL_MAX + 1];
	size_t len = 0;
	int r = swap_unproven(p, unproven);

	if (r == 0 && !swap_is_ours(p, SWAP_AFAR))
		return 0;
	if (r == 0)
		r = path_of(p, "", path);
	if (r == 0)
		r = file_read(path, SWAP_SERIAL_MAX, (uint8_t **)&serial, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return *unproven && serial && strcmp(unproven, serial) == 0;
}

enum afar afar_now(bool came, bool answered, int64_t since_ms, int64_t bound_ms)
{
	if (!came || answered)
		return AFAR_STAYS;
	return since_ms < bound_ms ? AFAR_WAITS : AFAR_LATE;
}
