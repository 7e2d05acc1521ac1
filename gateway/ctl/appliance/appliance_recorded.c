/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"
#include "ctl/appliance/swap.h"

#include <stdio.h>
#include <string.h>

#define TOLD_MAX 4096u

/* What stays as it is from one start of the machine to the next, or is of the whole
 * machine: a command that an operator runs has neither the kernel's tables nor the
 * machine's network. */
static const char *const RECORDED[][2] = {
	{ "boot", "roothash" },
	{ "open_ports", "tcp" },
	{ "open_ports", "tcp6" },
	{ "open_ports", "udp" },
	{ "open_ports", "udp6" },
};

void appliance_complete(json_t *report, const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_json_ json_t *record = NULL;
	size_t len;

	if (file_read(path, LIMIT_REPORT, &text, &len) == 0)
		record = json_read(span_of(text, len), LIMIT_REPORT);
	for (size_t i = 0; i < sizeof(RECORDED) / sizeof(RECORDED[0]); i++) {
		json_t *part = json_object_get(report, RECORDED[i][0]);
		const json_t *then = json_object_get(record, RECORDED[i][0]);

		if (json_is_null(json_object_get(part, RECORDED[i][1])) && then)
			json_object_set(part, RECORDED[i][1],
				json_object_get(then, RECORDED[i][1]));
	}
}

json_t *appliance_told(const char *path)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;

	if (file_read_of_others(path, TOLD_MAX, (uint8_t **)&text, &len) < 0)
		return json_null();
	text[strcspn(text, "\n")] = '\0';
	return json_text(text);
}

json_t *appliance_noted(const char *work, const char *name)
{
	const struct swap_place place = { .work = work };
	char path[PATH_MAX];

	return swap_is_ours(&place, name) && snprintf(path, sizeof(path), "%s/%s", work,
						     name) < PATH_MAX
		       ? appliance_told(path)
		       : json_null();
}

json_t *appliance_returned(const char *work)
{
	_cleanup_json_ json_t *last = appliance_noted(work, "serial");
	_cleanup_json_ json_t *back = appliance_noted(work, SWAP_TAKEN_BACK);
	json_t *why = appliance_noted(work, "returned");

	if (!json_is_null(why) || !json_is_string(back) || !json_equal(last, back))
		return why;
	json_decref(why);
	return json_string("why could not be written: the disk may be full");
}
