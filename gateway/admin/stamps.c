/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether the gate gets time-stamps, by what sealgate-seal wrote down and by the queue.
 */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#define USAGE_FILE "state/seal/tsa.json"
#define USAGE_MAX 65536

/* Since when no authority has given a time-stamp, 0 when one has, or nobody knows;
 * *ret_s: seconds from then to the alarm. */
static int64_t missing_since(const struct visit *v, int64_t *ret_s)
{
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	const char *since;
	char path[PATH_MAX];
	int64_t at = 0;
	size_t len;

	if (instance_path(v->admin->instance, USAGE_FILE, path) < 0 ||
		file_read(path, USAGE_MAX, &text, &len) < 0)
		return 0;
	json = json_read(span_of(text, len), USAGE_MAX);
	since = json_string_of(json, "missing_since");
	*ret_s = json_integer_value(json_object_get(json, "alarm_after_s"));
	return since && clock_parse(since, &at) == 0 ? at : 0;
}

json_t *stamps_check(const struct visit *v, const json_t *figures)
{
	const json_t *renewals = json_object_get(figures, "renewals");
	json_int_t waiting = json_integer_value(json_object_get(renewals, "level_b"));
	char message[200], at[CLOCK_TEXT_SIZE];
	int64_t seconds = 0, since = missing_since(v, &seconds);

	if (waiting) {
		snprintf(message, sizeof(message),
			"%lld documents are sealed at level B: their time-stamps are to "
			"follow",
			(long long)waiting);
		return check(false, message,
			"Bring a time-stamping authority back; the rest goes by itself.");
	}
	if (!since)
		return check(true, "time-stamps are given", "");
	clock_format(since, at);
	snprintf(message, sizeof(message),
		"no time-stamp since %s: accepted documents wait, in %lld s it is an "
		"alarm",
		at, (long long)(since + seconds - clock_now()));
	return check(false, message,
		"Bring a time-stamping authority back; the rest goes by itself.");
}
